//! Tables of a scenario that say one of several things beside their moment.

/// Declares how a moment and one of several things are written: `at = 1` and one key that names the thing.
macro_rules! choice {
    ($outer:ident { $at:ident, $field:ident: $inner:ident } as $form:ident, $what:literal:
     $($(#[$meta:meta])* $key:ident => $variant:ident($type:ty),)*) => {
        #[derive(serde::Deserialize, serde::Serialize)]
        #[serde(rename_all = "kebab-case", deny_unknown_fields)]
        struct $form {
            #[serde(with = "crate::scenario::data::units::seconds")]
            at: u64,
            $($(#[$meta])*
            #[serde(default, skip_serializing_if = "Option::is_none")]
            $key: Option<$type>,)*
        }

        impl TryFrom<$form> for $outer {
            type Error = String;

            fn try_from(form: $form) -> Result<Self, String> {
                let mut found: Option<$inner> = None;
                $(if let Some(value) = form.$key {
                    if found.replace($inner::$variant(value)).is_some() {
                        return Err(format!(
                            "{} says one thing beside `at`, not {} as well",
                            $what,
                            stringify!($key).replace('_', "-")
                        ));
                    }
                })*
                match found {
                    Some($field) => Ok(Self { $at: form.at, $field }),
                    None => {
                        let keys = [$(stringify!($key)),*].join(", ").replace('_', "-");
                        Err(format!("{} says one of {keys} beside `at`", $what))
                    }
                }
            }
        }

        impl From<$outer> for $form {
            fn from(whole: $outer) -> Self {
                let mut form = Self { at: whole.$at, $($key: None,)* };
                match whole.$field {
                    $($inner::$variant(value) => form.$key = Some(value),)*
                }
                form
            }
        }
    };
}

pub(super) use choice;
