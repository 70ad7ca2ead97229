use core::hint::black_box;
use core::time::Duration;

use mld_proto::router::{GroupSlot, QuerierMode, SourceSlot, Tables, Usage};
use mld_proto::{Config, IndexSlot, Instant, Router};

use crate::{Kind, Packets, ROUTER};

/// A router whose tables were sized at run time.
pub type BoxedRouter = Router<Tables<Box<[GroupSlot]>, Box<[SourceSlot]>, Box<[IndexSlot]>>>;

/// It sends nothing: a General Query now and then would weigh on a few groups and be lost in many.
const CONFIG: Config = match Config::builder().querier(QuerierMode::Never).build() {
    Ok(config) => config,
    Err(_) => panic!("the settings are allowed"),
};

/// One router, and the reports that fill it.
#[derive(Debug)]
pub struct Load {
    kind: Kind,
    router: BoxedRouter,
    /// The generator of the groups.
    inserts: Packets,
    /// The same reports in another order, so that a refresh does not follow the order of the slots.
    refreshes: Packets,
    now: Instant,
}

impl Load {
    /// A router with room for exactly `groups` groups with the sources of `kind`, started and empty.
    pub fn new(kind: Kind, groups: usize) -> Self {
        let sources = groups * kind.sources();
        let tables = Tables::new(
            vec![GroupSlot::EMPTY; groups].into_boxed_slice(),
            vec![SourceSlot::EMPTY; sources].into_boxed_slice(),
            vec![IndexSlot::EMPTY; IndexSlot::count_for(groups, sources)].into_boxed_slice(),
        )
        .expect("the index fits");
        let mut load = Self {
            kind,
            router: Router::new(CONFIG, tables, 0x5eed),
            inserts: Packets::new(kind, groups, 1),
            refreshes: Packets::new(kind, groups, 2),
            now: Instant::from_millis(1_000),
        };
        load.router.start(load.now, Some(ROUTER));
        load.settle();
        load
    }

    /// Reports of every group, for the floor.
    pub const fn packets(&self) -> &Packets {
        &self.refreshes
    }

    /// The slots in use.
    pub fn usage(&self) -> Usage {
        self.router.usage()
    }

    /// Reports every group: the first time in an empty router.
    pub fn insert(&mut self) {
        Self::report(&mut self.router, self.now, &self.inserts);
    }

    /// Reports every group again, one millisecond later and in another order.
    pub fn refresh(&mut self) {
        self.now = self.now + Duration::from_millis(1);
        Self::report(&mut self.router, self.now, &self.refreshes);
    }

    /// Polls all events and packets, without letting time pass.
    pub fn settle(&mut self) {
        let mut buffer = [0; 1500];
        while let Some(event) = self.router.poll_event() {
            black_box(event);
        }
        while let Some(transmit) =
            self.router.poll_transmit(self.now, &mut buffer).expect("the buffer is large")
        {
            black_box(transmit.len);
        }
    }

    /// Steps from deadline to deadline for `span`, as a driver does; returns how many wake-ups there were.
    pub fn run_for(&mut self, span: Duration) -> u64 {
        let end = self.now + span;
        let mut wakeups = 0;
        while let Some(at) = self.router.poll_timeout()
            && at <= end
        {
            self.now = self.now.max(at);
            self.router.handle_timeout(self.now);
            self.settle();
            wakeups += 1;
        }
        self.now = end;
        wakeups
    }

    /// Lets every group expire, and polls each event.
    pub fn expire(&mut self) {
        self.run_for(self.router.listening_interval());
        assert_eq!(self.usage().groups, 0, "all groups have ended");
    }

    /// Asks for output when there is none.
    pub fn idle(&mut self) {
        let mut buffer = [0; 1500];
        black_box(self.router.poll_timeout());
        black_box(self.router.poll_event());
        assert_eq!(black_box(self.router.poll_transmit(self.now, &mut buffer)), Ok(None));
    }

    /// Fails unless every group is there with its sources.
    pub fn assert_full(&self) {
        let usage = self.usage();
        assert_eq!(usage.groups as usize, self.inserts.len(), "every group was taken in");
        assert_eq!(usage.sources as usize, self.inserts.len() * self.kind.sources(), "and every source");
    }

    fn report(router: &mut BoxedRouter, now: Instant, packets: &Packets) {
        for packet in packets.iter() {
            let accepted = router.handle_packet(now, black_box(packet));
            assert!(accepted.is_ok(), "the report is accepted");
        }
    }
}
