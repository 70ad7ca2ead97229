//! Comparing what is to be sent with what was sent.

use core::fmt::Write as _;
use core::net::Ipv6Addr;
use std::collections::BTreeMap;

use crate::packet::SentQuery;

/// Queries that may stand for each other when their sources are united.
type Place = (u64, u8, Ipv6Addr, bool, bool);

fn place(query: &SentQuery) -> Place {
    (query.at, query.version, query.group, query.sources.is_empty(), query.suppress)
}

/// Compares what the model wants sent, of one call or of one instant, with what the engine sent. Accepts L-1 to L-4 of
/// the module's documentation and nothing else. `optional` of the engine's Queries has no meaning.
///
/// # Errors
/// What is missing, too much or different.
pub fn agree(model: &[SentQuery], engine: &[SentQuery]) -> Result<(), String> {
    // L-1: by place, in whatever order.
    let mut places: BTreeMap<Place, (Vec<&SentQuery>, Vec<&SentQuery>)> = BTreeMap::new();
    for query in model {
        places.entry(place(query)).or_default().0.push(query);
    }
    for query in engine {
        places.entry(place(query)).or_default().1.push(query);
    }
    for (wanted, sent) in places.values() {
        let demanded: Vec<&SentQuery> = wanted.iter().copied().filter(|query| !query.optional).collect();
        // L-3, L-4: with the optional messages or without them.
        if !same(wanted, sent) && !same(&demanded, sent) {
            return Err(describe(wanted, sent));
        }
    }
    Ok(())
}

/// Whether both say the same, however the sources are divided (L-2): as many messages, the same sources as often.
fn same(wanted: &[&SentQuery], sent: &[&SentQuery]) -> bool {
    let values = |query: &SentQuery| (query.response_code, query.qrv, query.qqic, query.destination);
    let sources = |queries: &[&SentQuery]| {
        let mut sources: Vec<Ipv6Addr> =
            queries.iter().flat_map(|query| query.sources.iter().copied()).collect();
        sources.sort_unstable();
        sources
    };
    let Some(first) = wanted.first() else { return sent.is_empty() };
    wanted.len() == sent.len()
        && wanted.iter().chain(sent).all(|query| values(query) == values(first))
        && sources(wanted) == sources(sent)
}

fn describe(wanted: &[&SentQuery], sent: &[&SentQuery]) -> String {
    let mut text = String::from("wanted:");
    list(&mut text, wanted);
    text.push_str("; sent:");
    list(&mut text, sent);
    text
}

fn list(text: &mut String, queries: &[&SentQuery]) {
    if queries.is_empty() {
        text.push_str(" nothing");
    }
    for query in queries {
        let optional = if query.optional { " (optional)" } else { "" };
        let suppress = u8::from(query.suppress);
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            " [at {} v{} {} {:?} S={suppress} code {:#06x} QRV {} QQIC {:#04x} to {}{optional}]",
            query.at,
            query.version,
            query.group,
            query.sources,
            query.response_code,
            query.qrv,
            query.qqic,
            query.destination,
        );
    }
}
