/// Free slots of a table: those given back, linked through the slots, then those never used.
///
/// Nothing is initialised at the start, so a table of a million slots costs nothing before it is used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pool {
    free: Option<u32>,
    fresh: u32,
}

impl Pool {
    pub(crate) const NEW: Self = Self { free: None, fresh: 0 };

    /// Takes a slot of a table of `len`; `next` returns the free slot that a free slot links to.
    pub(crate) fn take(&mut self, len: usize, next: impl FnOnce(usize) -> Option<usize>) -> Option<usize> {
        let at = match self.free {
            Some(at) => {
                self.free = next(at as usize).map(|at| at as u32);
                at as usize
            }
            None if (self.fresh as usize) < len => {
                self.fresh += 1;
                self.fresh as usize - 1
            }
            None => return None,
        };
        Some(at)
    }

    /// Gives a slot back and returns what it must link to.
    pub(crate) fn give(&mut self, at: usize) -> Option<usize> {
        self.free.replace(at as u32).map(|at| at as usize)
    }

    /// Checks that exactly the free slots can be taken, each once. `is_free` looks
    /// at a slot of a table of `len`, `next` returns the free slot that it links to.
    pub(crate) fn check(
        &self,
        len: usize,
        is_free: impl Fn(usize) -> bool,
        next: impl Fn(usize) -> Option<usize>,
    ) -> Result<(), &'static str> {
        if self.reach() > len {
            return Err("pool: used slots exceed the table");
        }
        let free = (0..self.reach()).filter(|at| is_free(*at)).count();
        let (mut link, mut count) = (self.free.map(|at| at as usize), 0);
        while let Some(at) = link {
            if at >= self.reach() || !is_free(at) {
                return Err("pool: a used slot is on the free list");
            }
            count += 1;
            if count > free {
                return Err("pool: endless list of free slots");
            }
            link = next(at);
        }
        if count == free { Ok(()) } else { Err("pool: a free slot is on no list") }
    }

    /// How many slots from the beginning of the table have ever been used.
    pub(crate) const fn reach(&self) -> usize {
        self.fresh as usize
    }
}
