//! Answers to Queries about one group in MLDv2 (RFC 9777 sections 6.2 and 6.3; R-LSN-41 to 48).

use core::net::Ipv6Addr;
use std::collections::BTreeSet;

use mld_proto::Instant;

use crate::packet::SentRecord;
use crate::packet::write::IS_EX;
use crate::world::Wants;

/// A Query for a group.
#[derive(Debug, Default)]
pub(super) struct Answers {
    owed: Vec<Answer>,
    /// Until when an answer may leave, if a Query for the group came.
    pub(super) until: Option<Instant>,
}

#[derive(Debug)]
struct Answer {
    /// The queried sources: none for the whole group.
    sources: Vec<Ipv6Addr>,
    due: Instant,
    /// The sources that IS_IN has named since.
    named: BTreeSet<Ipv6Addr>,
}

impl Answer {
    /// The sources that IS_IN has to name; `None`: it has to be IS_EX.
    fn wanted(&self, wants: &Wants) -> Option<BTreeSet<Ipv6Addr>> {
        if !self.sources.is_empty() {
            return Some(self.sources.iter().copied().filter(|source| wants.wants(*source)).collect());
        }
        (!wants.exclude).then(|| wants.sources.clone())
    }

    /// All of it was named, or there is nothing to name.
    fn is_given(&self, wants: &Wants) -> bool {
        self.wanted(wants).is_some_and(|wanted| wanted.is_subset(&self.named))
    }
}

impl Answers {
    /// A Query asks for these sources, or for the whole group.
    pub(super) fn asked(&mut self, sources: &[Ipv6Addr], due: Instant, wants: &Wants) {
        let answer = Answer { sources: sources.to_vec(), due, named: BTreeSet::new() };
        if !answer.is_given(wants) {
            self.owed.push(answer);
        }
    }

    /// The interface's interest in the group changed: an answer that would be empty now need not be sent later either
    /// (R-LSN-46, R-LSN-47). An answer that takes several Reports (`is_divided`) is the interest when the first one
    /// left: the change has its own Reports.
    pub(super) fn changed(&mut self, before: &Wants, now: &Wants, is_divided: bool) {
        self.owed.retain_mut(|answer| {
            if is_divided {
                answer.named.extend(now.sources.difference(&before.sources));
            }
            !(answer.is_given(now) || is_divided && before.exclude != now.exclude)
        });
    }

    /// A Current-State Record was sent.
    pub(super) fn said(&mut self, record: &SentRecord, wants: &Wants) {
        if record.kind == IS_EX {
            return self.owed.clear();
        }
        self.owed.retain_mut(|answer| {
            answer.named.extend(&record.sources);
            !answer.is_given(wants)
        });
    }

    /// Checks that the answers due before `at` were sent.
    ///
    /// # Errors
    ///
    /// The missing answer.
    pub(super) fn check(&self, at: Instant) -> Result<(), String> {
        match self.owed.iter().find(|answer| answer.due < at) {
            Some(late) => Err(format!("did not answer until {} ms", late.due.as_millis())),
            None => Ok(()),
        }
    }

    /// Nothing is owed, and nothing may be said any more.
    pub(super) fn is_over(&self, at: Instant) -> bool {
        self.owed.is_empty() && self.until.is_none_or(|until| until < at)
    }
}
