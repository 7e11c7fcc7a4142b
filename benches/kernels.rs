//! The kernels of both stages, each on one core: measures what a change to one of them costs or gains.
//!
//! Run all with `cargo bench --bench kernels`, or add a name, such as `-- percentile`, to run some.

use std::{convert::Infallible, hint::black_box};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use symphony_data::{
    bin::{Bins, Percentiles},
    config::Config,
    difficulty::Scorer,
    number::{Summary, percentile},
    request::RequestSpec,
    row::RowBatch,
    stream::{self, Candidates},
};
use symphony_synthetic::generator;

const ROWS: u64 = 1000;

fn rows(name: &str) -> RowBatch {
    let generator = generator(name).unwrap();
    let config = generator.configs().first().copied().unwrap_or_default();
    let mut batch = RowBatch::new(format!("synthetic:{name}").into(), 0, false);
    let mut text = String::new();
    for i in 0..ROWS {
        text.clear();
        generator.write_row(config, 0, i, &mut text);
        if !config.is_empty() {
            text.insert_str(text.len() - 1, &format!(", \"task_name\": \"{config}\""));
        }
        batch.push(text.as_bytes(), i + 1);
    }
    batch
}

fn synthetic(c: &mut Criterion) {
    for name in ["gsm8k", "humaneval", "bbh", "amc", "medical_qa"] {
        let generator = generator(name).unwrap();
        let config = generator.configs().first().copied().unwrap_or_default();
        let mut text = String::new();
        c.bench_function(&format!("synthetic_{name}"), |b| {
            b.iter(|| {
                text.clear();
                (0..ROWS).for_each(|i| generator.write_row(config, 0, i, &mut text));
                black_box(text.len())
            });
        });
    }
}

fn features(c: &mut Criterion) {
    let config = Config::from_yaml("built in", symphony_data::config::DEFAULT_CONFIG).unwrap();
    let mut group = c.benchmark_group("features");
    for benchmark in &config.benchmarks {
        let scorer = Scorer::compile(&benchmark.rule, &benchmark.identity).unwrap();
        let batch = rows(&benchmark.name);
        assert!(scorer.features(&batch).rejected.is_empty(), "{}", benchmark.name);
        group.throughput(Throughput::Bytes(batch.text_len() as u64));
        group.bench_function(&benchmark.name, |b| b.iter(|| scorer.features(black_box(&batch))));
    }
    group.finish();
}

/// Scores that tie as often as means of counts do, and scores that hardly ever tie.
fn scores() -> [(&'static str, Vec<f64>); 2] {
    let random = |i: u64| xxhash_rust::xxh3::xxh3_64(&i.to_le_bytes());
    let tied = (0..1_000_000).map(|i| (random(i) % 40) as f64 / 40.0).collect();
    let distinct = (0..1_000_000).map(|i| random(i) as f64 / u64::MAX as f64).collect();
    [("tied", tied), ("distinct", distinct)]
}

fn percentiles(c: &mut Criterion) {
    let mut group = c.benchmark_group("percentile");
    for (name, values) in scores() {
        group.bench_function(format!("streamed, {name}"), |b| {
            b.iter(|| {
                let mut summary = Summary::default();
                summary.observe(&values).unwrap();
                summary.percentiles(&[20.0, 80.0], |take| {
                    take(&values);
                    Ok::<_, Infallible>(())
                })
            });
        });
        group.bench_function(format!("in memory, {name}"), |b| {
            b.iter_batched(|| values.clone(), |mut values| percentile(&mut values, 20.0), BatchSize::LargeInput);
        });
    }
    group.finish();
}

fn draws(c: &mut Criterion) {
    let yaml = "benchmarks: {gsm8k: {path: 'synthetic:gsm8k'}}";
    let config = Config::from_yaml("one benchmark", yaml).unwrap();
    let [(_, scores), _] = scores();
    let identities: Vec<u64> = (0..scores.len() as u64).map(|i| xxhash_rust::xxh3::xxh3_64(&i.to_le_bytes())).collect();
    let bins = Bins::of(&scores, Percentiles::default()).unwrap();
    let mut group = c.benchmark_group("draw 2,000 of 1,000,000");
    for sampler in ["numpy", "stable"] {
        let spec = RequestSpec {
            benchmarks: vec!["gsm8k".into()],
            n_total_tasks: 2000,
            sampler: Some(sampler.into()),
            ..RequestSpec::default()
        };
        let request = spec.resolve(&config).unwrap();
        let candidates = [Candidates {
            benchmark: "gsm8k",
            bins: &bins,
            scores: &scores,
            scores_are_errors: false,
            identities: &identities,
            earlier: None,
            strata: &[],
        }];
        group.bench_function(sampler, |b| b.iter(|| stream::draw(&request, &candidates)));
    }
    group.finish();
}

criterion_group! {
    name = kernels;
    config = Criterion::default().sample_size(20);
    targets = synthetic, features, percentiles, draws
}
criterion_main!(kernels);
