//! Draws that read the rows of a store span by span, and keep only those that may come to be drawn.
//!
//! `stable` keeps the rows of the least ranks of each bin, as many as the pool has tasks. `numpy` draws places in a bin, and keeps
//! which rows are in it, a bit for each. Whatever else a request asks for needs all rows at once ([`super::select`]).

use std::{collections::HashMap, sync::Arc};

use rayon::prelude::*;

use super::{DrawError, Selected, Stores, difficulty::Choice, select::no_tasks, stores::Loaded};
use crate::{
    bin::{Bin, Bins, Cut, PerBin, Thresholds},
    number::{NotFinite, Search, SearchCounts, Summary},
    request::{Difficulty, Eligibility, Part, Replacement, Request, SamplerKind, TaskOrder},
    store::{Span, Store, StoreError},
    stream::{
        Candidates, Stream, draw,
        sample::stable::{Least, Ranked, ranks},
    },
};

/// How many spans each core ranks before what they keep is joined, which lets the next ones keep less.
const SPANS_AT_ONCE: usize = 16;
/// How many different identities of a store with copies are counted, which takes some 24 bytes each. Of a store with more, all
/// identities are held, at 8 bytes a row.
const MOST_COUNTED: u64 = 1 << 20;

/// Whether a request can be drawn span by span, if its stores allow it too.
pub(super) fn is_drawn_in_spans(request: &Request) -> bool {
    let by_sampler = match request.sampler {
        SamplerKind::Numpy => true,
        // Each of the independent draws of `always` looks at the order of all rows.
        SamplerKind::Stable => request.sample_with_replacement != Replacement::Always,
        SamplerKind::Informative => false,
    };
    let is_plain = |part: &Part| {
        part.difficulty == Difficulty::Surface
            && part.rows == Eligibility::default()
            && part.difficulty_within.is_none()
            && part.thresholds_from.is_none()
    };
    by_sampler
        && request.phases.is_empty()
        && request.stratify_by.is_none()
        && request.order == TaskOrder::Shuffled
        && request.parts.iter().all(is_plain)
}

/// What a draw needs to know of a benchmark, after all of its spans were read.
struct Found {
    bins: Bins,
    rows: Rows,
    /// Of the rows that were kept: their identities, and how many earlier rows have them.
    identities: Vec<u64>,
    earlier: Vec<u32>,
}

/// The rows that a place in a draw stands for.
enum Rows {
    /// Those that were kept, ascending.
    Kept(Vec<u32>),
    /// Those of a bin, as bits of each span.
    InBins(Vec<SpanBits>),
}

/// The rows of a span by bin, a bit for each.
struct SpanBits {
    /// The number of its first row.
    first: u32,
    /// How many rows each bin has before it.
    before: PerBin<u64>,
    bits: Vec<PerBin<u64>>,
}

impl Rows {
    /// The row at a place.
    fn at(&self, bin: Bin, place: u32) -> u32 {
        match self {
            Self::Kept(rows) => rows[place as usize],
            Self::InBins(spans) => {
                let place = u64::from(place);
                let span = &spans[spans.partition_point(|span| span.before[bin] <= place) - 1];
                let within = ones(&span.bits, bin).nth((place - span.before[bin]) as usize);
                // Every place is within its bin.
                span.first + within.unwrap_or_default() as u32
            }
        }
    }
}

impl Stores<'_> {
    /// Whether a request can be drawn span by span.
    pub(super) fn can_draw_in_spans(&self, request: &Request) -> Result<bool, DrawError> {
        let mut can = is_drawn_in_spans(request);
        for part in request.parts.iter().filter(|_| request.sampler == SamplerKind::Stable) {
            let meta = &self.loaded(&part.benchmark)?.store.meta;
            can &= meta
                .copies
                .as_ref()
                .is_none_or(|copies| meta.n_tasks_full - copies.rows.min(meta.n_tasks_full) <= MOST_COUNTED);
        }
        Ok(can)
    }

    /// Draws the stream of a request, which has no phases. Returns what may be drawn of each benchmark, too.
    pub(super) fn draw_in_spans(&self, request: &Request) -> Result<(Vec<Arc<Selected>>, Stream), DrawError> {
        let found = request.parts.par_iter().map(|part| self.found(request, part)).collect::<Result<Vec<_>, _>>()?;
        let (found, warnings): (Vec<Found>, Vec<Vec<String>>) = found.into_iter().unzip();
        let candidates = request.parts.iter().zip(&found).map(|(part, found)| Candidates {
            benchmark: &part.benchmark,
            bins: &found.bins,
            scores: &[],
            scores_are_errors: false,
            identities: &found.identities,
            earlier: Some(&found.earlier),
            strata: &[],
        });
        let mut stream = draw(request, &candidates.collect::<Vec<_>>());
        // The draws are of places among the rows kept, or in their bins.
        for draw in &mut stream.draws {
            draw.row = found[draw.benchmark].rows.at(draw.bin, draw.row);
        }
        let selected = found.into_iter().zip(warnings).map(|(Found { bins, .. }, warnings)| {
            Arc::new(Selected {
                joined: None,
                published_scores: None,
                bins,
                strata: Vec::new(),
                within: Vec::new(),
                eligible: None,
                warnings,
            })
        });
        Ok((selected.collect(), stream))
    }

    /// Reads a benchmark. Returns the warnings about its difficulty, too.
    fn found(&self, request: &Request, part: &Part) -> Result<(Found, Vec<String>), DrawError> {
        let loaded = self.loaded(&part.benchmark)?;
        let store = &loaded.store;
        // Surface scores are chosen without identities.
        let choice = Choice::of(self.config, store, &[], &part.difficulty, part.cut);
        let thresholds = thresholds(loaded, choice.cut)?.ok_or_else(|| no_tasks(store))?;
        let found = match request.sampler {
            SamplerKind::Numpy => in_bins(store, thresholds)?,
            SamplerKind::Stable | SamplerKind::Informative => least(store, thresholds, request)?,
        };
        Ok((found, choice.warnings))
    }
}

/// Where the bins of a store begin and end; `None` if it has no rows.
fn thresholds(loaded: &Loaded, cut: Cut) -> Result<Option<Thresholds>, StoreError> {
    let (store, known) = (&loaded.store, loaded.store.meta.thresholds);
    if store.rows()? == 0 {
        return Ok(None);
    }
    let percentiles = match cut {
        cut if cut == known.cut => return Ok(Some(known.scores)),
        Cut::Cuts([easy, hard]) => return Ok(Some(Thresholds { easy, hard })),
        Cut::Percentiles(percentiles) => percentiles,
    };
    let spans = store.spans()?;
    let damaged =
        |error: NotFinite| StoreError::Stale { path: store.place(), reason: format!("a score is damaged: {error}") };
    let summary = spans.par_iter().map_init(Vec::new, |scores, span| {
        store.scores_in(span, scores)?;
        let mut summary = Summary::default();
        summary.observe(scores).map_err(damaged)?;
        Ok::<_, StoreError>(summary)
    });
    let summary = summary.try_reduce(Summary::default, |mut all, more| {
        all.merge(&more);
        Ok(all)
    })?;
    let round = |search: &Search| -> Result<SearchCounts, StoreError> {
        let counts = spans.par_iter().try_fold(
            || (search.nothing(), Vec::new()),
            |(mut counts, mut scores), span| {
                store.scores_in(span, &mut scores)?;
                search.observe(&scores, &mut counts);
                Ok((counts, scores))
            },
        );
        let counts = counts.map(|counts| counts.map(|(counts, _)| counts));
        counts.try_reduce(
            || search.nothing(),
            |mut all, more| {
                all.merge(&more);
                Ok(all)
            },
        )
    };
    let found = summary.percentiles_in_rounds(&[percentiles.low, percentiles.high], round)?;
    Ok(found.map(|found| Thresholds { easy: found[0], hard: found[1] }))
}

/// The rows of the least ranks in each bin that the request asks for, as many as it has tasks.
fn least(store: &Store, thresholds: Thresholds, request: &Request) -> Result<Found, StoreError> {
    let n = usize::try_from(request.n_total_tasks).unwrap_or(usize::MAX);
    let split = request.split;
    let asked = PerBin {
        easy: request.proportional_split || split.easy > 0,
        medium: request.proportional_split || split.medium.is_some_and(|share| share > 0),
        hard: request.proportional_split || split.hard > 0,
    };
    let ranks = ranks(&store.meta.benchmark, request.random_seed);
    let mut counter = store.meta.copies.as_ref().map(|_| Counter::default());
    let (mut sizes, mut kept) = (PerBin::<u64>::default(), PerBin::<Least>::default());
    let spans = store.spans()?;
    for spans in spans.chunks(SPANS_AT_ONCE * rayon::current_num_threads()) {
        let read = |(scores, numbers): &mut (Vec<f64>, Numbers), span: &Span| {
            let mut identities = Vec::new();
            store.numbers_in(span, scores, &mut identities)?;
            let own = counter.as_ref().map(|_| Own::of(&identities, numbers));
            Ok(Read { bits: bits(thresholds, scores), identities, own })
        };
        let read: Vec<Read> = spans.par_iter().map_init(Default::default, read).collect::<Result<_, StoreError>>()?;
        // How often each identity of a span comes before it.
        let before: Vec<Vec<u32>> = match &mut counter {
            Some(counter) => read.iter().filter_map(|read| read.own.as_ref()).map(|own| counter.before(own)).collect(),
            None => vec![Vec::new(); read.len()],
        };
        let ranked = |((span, read), before): ((&Span, &Read), &Vec<u32>)| {
            let Read { bits, identities, own } = read;
            let mut ranks = ranks.clone();
            let mut of_span = PerBin::<(u64, Least)>::default();
            for bin in Bin::ALL {
                let (size, least) = &mut of_span[bin];
                *size = self::size(bits, bin);
                if !asked[bin] {
                    continue;
                }
                *least = kept[bin].to_join();
                for at in ones(bits, bin) {
                    let earlier = own.as_ref().map_or(0, |own| own.earlier(at, before));
                    let identity = identities[at];
                    let rank = ranks.hash((identity, earlier), None);
                    least.offer(n, Ranked { rank, row: span.first + at as u32, identity, earlier });
                }
            }
            of_span
        };
        let ranked: Vec<PerBin<(u64, Least)>> = spans.par_iter().zip(&read).zip(&before).map(ranked).collect();
        for mut of_span in ranked {
            for bin in Bin::ALL {
                let (size, least) = std::mem::take(&mut of_span[bin]);
                sizes[bin] += size;
                kept[bin].join(n, least);
            }
        }
    }
    let mut all: Vec<(Ranked, Bin)> = Vec::new();
    for bin in Bin::ALL {
        all.extend(std::mem::take(&mut kept[bin]).finish(n).into_iter().map(|ranked| (ranked, bin)));
    }
    all.sort_unstable_by_key(|(ranked, _)| ranked.row);
    let mut rows = PerBin::<Vec<u32>>::default();
    // There are as many as the pool has tasks in each bin, so far fewer than a store has rows.
    (0_u32..).zip(&all).for_each(|(place, (_, bin))| rows[*bin].push(place));
    Ok(Found {
        bins: Bins::sized(thresholds, rows, sizes),
        rows: Rows::Kept(all.iter().map(|(ranked, _)| ranked.row).collect()),
        identities: all.iter().map(|(ranked, _)| ranked.identity).collect(),
        earlier: all.iter().map(|(ranked, _)| ranked.earlier).collect(),
    })
}

/// A span that was read.
struct Read {
    bits: Vec<PerBin<u64>>,
    identities: Vec<u64>,
    /// Its identities, if the store has copies.
    own: Option<Own>,
}

/// Counts how often each identity of a store with copies came so far.
#[derive(Default)]
struct Counter(Numbers);

/// A number for each identity. These are hashes already; the hasher only spreads them.
type Numbers = HashMap<u64, u32, foldhash::fast::FixedState>;

/// The identities of a span, numbered by when they first come in it.
struct Own {
    /// Each identity, and how often the span has it.
    counts: Vec<(u64, u32)>,
    /// The number of each row's identity, and how many earlier rows of the span have it.
    rows: Vec<(u32, u32)>,
}

impl Own {
    /// Numbers identities. `numbers` is room for that.
    fn of(identities: &[u64], numbers: &mut Numbers) -> Self {
        numbers.clear();
        let mut counts: Vec<(u64, u32)> = Vec::new();
        let of_row = |identity: &u64| {
            let number = *numbers.entry(*identity).or_insert_with(|| {
                counts.push((*identity, 0));
                counts.len() as u32 - 1
            });
            let count = &mut counts[number as usize].1;
            *count += 1;
            (number, *count - 1)
        };
        let rows = identities.iter().map(of_row).collect();
        Self { counts, rows }
    }

    /// How many earlier rows of the store have the identity of a row of the span.
    fn earlier(&self, at: usize, before: &[u32]) -> u32 {
        let (number, within) = self.rows[at];
        before[number as usize] + within
    }
}

impl Counter {
    /// How often each identity of the next span came before it.
    fn before(&mut self, own: &Own) -> Vec<u32> {
        let count = |(identity, count): &(u64, u32)| {
            let all = self.0.entry(*identity).or_default();
            *all += count;
            *all - count
        };
        own.counts.iter().map(count).collect()
    }
}

/// The places of the ones of a bin, ascending.
fn ones(bits: &[PerBin<u64>], bin: Bin) -> impl Iterator<Item = usize> {
    bits.iter().enumerate().flat_map(move |(word, bits)| {
        let mut rest = bits[bin];
        std::iter::from_fn(move || {
            let at = (rest != 0).then(|| word * 64 + rest.trailing_zeros() as usize);
            rest &= rest.wrapping_sub(1);
            at
        })
    })
}

/// All rows by bin, a bit for each.
fn in_bins(store: &Store, thresholds: Thresholds) -> Result<Found, StoreError> {
    let bits_of = |scores: &mut Vec<f64>, span: &Span| {
        store.scores_in(span, scores)?;
        Ok(bits(thresholds, scores))
    };
    let spans = store.spans()?;
    let found: Vec<Vec<PerBin<u64>>> =
        spans.par_iter().map_init(Vec::new, bits_of).collect::<Result<_, StoreError>>()?;
    let mut sizes = PerBin::default();
    let of_span = |(span, bits): (&Span, Vec<PerBin<u64>>)| {
        let before = sizes;
        Bin::ALL.into_iter().for_each(|bin| sizes[bin] += size(&bits, bin));
        SpanBits { first: span.first, before, bits }
    };
    let rows = Rows::InBins(spans.iter().zip(found).map(of_span).collect());
    let bins = Bins::sized(thresholds, PerBin::default(), sizes);
    Ok(Found { bins, rows, identities: Vec::new(), earlier: Vec::new() })
}

fn bits(thresholds: Thresholds, scores: &[f64]) -> Vec<PerBin<u64>> {
    scores.chunks(64).map(|scores| thresholds.bits(scores)).collect()
}

/// How many rows a bin has among these.
fn size(bits: &[PerBin<u64>], bin: Bin) -> u64 {
    bits.iter().map(|bits| u64::from(bits[bin].count_ones())).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_counted_over_spans_of_any_length() {
        let identities: Vec<u64> = (0..5_000_u64).map(|row| row * row % 37 / 3).collect();
        for length in [1, 7, 64, 4_999, 5_000] {
            let (mut counter, mut numbers, mut found) = (Counter::default(), Numbers::default(), Vec::new());
            for span in identities.chunks(length) {
                let own = Own::of(span, &mut numbers);
                let before = counter.before(&own);
                found.extend((0..span.len()).map(|at| own.earlier(at, &before)));
            }
            let earlier = |(row, identity)| identities[..row].iter().filter(|other| *other == identity).count() as u32;
            assert!(identities.iter().enumerate().map(earlier).eq(found), "{length}");
        }
    }

    #[test]
    fn a_place_in_a_bin_is_its_row() {
        let thresholds = Thresholds { easy: 0.25, hard: 0.75 };
        let scores: Vec<f64> = (0..1_000_u32).map(|row| f64::from(row * 7919 % 1000) / 999.0).collect();
        let (mut before, mut first, mut spans) = (PerBin::default(), 0, Vec::new());
        for span in scores.chunks(130) {
            let bits = bits(thresholds, span);
            let next = Bin::ALL.map(|bin| before[bin] + size(&bits, bin));
            spans.push(SpanBits { first, before, bits });
            before = PerBin { easy: next[0], medium: next[1], hard: next[2] };
            first += span.len() as u32;
        }
        let rows = Rows::InBins(spans);
        for bin in Bin::ALL {
            let expected = (0..).zip(&scores).filter(|(_, score)| thresholds.bin(**score) == bin).map(|(row, _)| row);
            let expected: Vec<u32> = expected.collect();
            assert_eq!(before[bin], expected.len() as u64);
            assert!((0..).zip(&expected).all(|(place, row)| rows.at(bin, place) == *row), "{bin}");
        }
    }
}
