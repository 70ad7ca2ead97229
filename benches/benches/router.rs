//! The router at 8 to 1,000,000 groups in random order: insert, refresh, expiry, idle poll. One element is one packet or
//! group. `ratios` sets the same figures beside their floor.

use core::time::Duration;
use std::time::Instant;

use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};
use mld_benches::{Floor, Kind, Load, SIZES};

fn router(criterion: &mut Criterion) {
    for kind in Kind::ALL {
        let mut benches = criterion.benchmark_group(kind.name());
        // A pass over a million groups is long enough to be a sample of its own.
        benches.sample_size(10).sampling_mode(SamplingMode::Flat);
        for groups in SIZES {
            bench_load(&mut benches, kind, groups);
        }
        benches.finish();
    }
}

fn bench_load(benches: &mut BenchmarkGroup<'_, WallTime>, kind: Kind, groups: usize) {
    let mut load = Load::new(kind, groups);
    let floor = Floor::new(kind, groups);
    benches.throughput(Throughput::Elements(groups as u64));
    benches.bench_function(BenchmarkId::new("floor", groups), |bencher| {
        bencher.iter(|| floor.with_checksums(load.packets()));
    });
    benches.bench_function(BenchmarkId::new("insert", groups), |bencher| {
        bencher
            .iter_custom(|passes| cycles(&mut load, passes, |load| timed(load, Load::insert), Load::expire));
    });
    benches.bench_function(BenchmarkId::new("expiry", groups), |bencher| {
        bencher.iter_custom(|passes| {
            cycles(
                &mut load,
                passes,
                |load| {
                    load.insert();
                    load.settle();
                    timed(load, Load::expire)
                },
                |_| (),
            )
        });
    });
    load.insert();
    load.settle();
    load.assert_full();
    benches.bench_function(BenchmarkId::new("refresh", groups), |bencher| {
        bencher.iter_custom(|passes| {
            cycles(
                &mut load,
                passes,
                |load| timed(load, Load::refresh),
                |load| {
                    load.run_for(Duration::ZERO);
                },
            )
        });
    });
    benches.throughput(Throughput::Elements(1));
    benches.bench_function(BenchmarkId::new("idle poll", groups), |bencher| bencher.iter(|| load.idle()));
    load.assert_full();
}

fn cycles(
    load: &mut Load,
    passes: u64,
    mut measured: impl FnMut(&mut Load) -> Duration,
    mut between: impl FnMut(&mut Load),
) -> Duration {
    (0..passes)
        .map(|_| {
            let time = measured(load);
            between(load);
            time
        })
        .sum()
}

fn timed(load: &mut Load, pass: impl FnOnce(&mut Load)) -> Duration {
    let begin = Instant::now();
    pass(load);
    begin.elapsed()
}

criterion_group!(benches, router);
criterion_main!(benches);
