//! A panic as a rule that is broken.

use core::cell::{Cell, RefCell};
use core::panic::AssertUnwindSafe;
use std::panic::{self, catch_unwind};
use std::sync::Once;

use crate::world::Violation;

/// The rule that nobody panics.
pub(super) const PANIC: &str = "panic";

thread_local! {
    static IS_CATCHING: Cell<bool> = const { Cell::new(false) };
    /// Where the panic that is being caught began.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// From now on a panic that is caught as a broken rule is not told on standard error as well, and its rule says where
/// it began. All others are told as before.
pub(crate) fn hush() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if IS_CATCHING.get() {
                PLACE.set(panic.location().map(ToString::to_string));
            } else {
                before(panic);
            }
        }));
    });
}

/// What `run` returns; if it panics, the rule that this breaks, at a moment that the caller knows.
pub(crate) fn caught<T>(run: impl FnOnce() -> T) -> Result<T, Violation> {
    let outside = IS_CATCHING.replace(true);
    PLACE.set(None);
    let ran = catch_unwind(AssertUnwindSafe(run));
    IS_CATCHING.set(outside);
    ran.map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a word");
        let place = PLACE.take().map(|place| format!("{place}: ")).unwrap_or_default();
        // What an assertion says has several lines.
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        Violation::new(PANIC, format!("{place}{text}"))
    })
}

/// Whether both are the same fault: the same rule, and of panics the same place.
pub(super) fn is_same_fault(one: &Violation, other: &Violation) -> bool {
    let place = |violation: &Violation| violation.text.split(": ").next().map(str::to_owned);
    one.rule == other.rule && (one.rule != PANIC || place(one) == place(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panic_is_told_with_its_place_once_it_is_not_told_otherwise() {
        hush();
        let line = line!() + 1;
        let violation = caught(|| panic!("no\n  {}", "way")).expect_err("it panics");
        assert_eq!(violation.rule, "panic");
        assert!(violation.text.contains(&format!("panics.rs:{line}:")), "{}", violation.text);
        assert!(violation.text.ends_with(": no way"), "{}", violation.text);
        assert_eq!(caught(|| 5), Ok(5));
    }

    #[test]
    fn panics_of_two_places_are_two_faults() {
        let panic = |text: &str| Violation::new(PANIC, text);
        let rule = |text: &str| Violation::new("settled", text);
        assert!(is_same_fault(&panic("a.rs:1:2: index 3"), &panic("a.rs:1:2: index 4")));
        assert!(!is_same_fault(&panic("a.rs:1:2: index 3"), &panic("b.rs:1:2: index 3")));
        assert!(is_same_fault(&rule("r1"), &rule("r2")) && !is_same_fault(&rule("r1"), &panic("r1")));
    }
}
