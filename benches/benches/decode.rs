//! Reading packets: headers, checksum, message.

use core::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mld_benches::control_packets;
use mld_proto::Version;
use mld_proto::wire::{Message, Packet, checksum};

fn decode(criterion: &mut Criterion) {
    let mut benches = criterion.benchmark_group("decode");
    for (name, octets) in control_packets() {
        benches.throughput(Throughput::Bytes(octets.len() as u64));
        benches.bench_function(name, |bencher| bencher.iter(|| read(black_box(&octets))));
    }
    benches.finish();
}

fn read(octets: &[u8]) {
    let packet = Packet::parse(octets).expect("an MLD packet");
    assert!(checksum::verify(packet.source, packet.destination, packet.message), "the checksum is right");
    let message = Message::parse(packet.message, Version::V2).expect("an MLD message");
    if let Message::ReportV2(report) = &message {
        for record in report.records() {
            black_box(record);
        }
    }
    black_box(message);
}

criterion_group!(benches, decode);
criterion_main!(benches);
