//! Draws phase after phase: no row comes again in a later phase, unless tasks may repeat.

use std::collections::HashMap;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::{
    Allocation, Candidates, Chances, Draw, Owed, Shortfall, Stream,
    cells::Cells,
    delivered, order,
    sample::{Cell, Sampler, informative, sampler},
};
use crate::{
    bin::{Bin, Bins, PerBin},
    request::{Eligibility, Replacement, Request, SamplerKind},
};

/// How often each row was drawn so far, for each benchmark.
type Uses = Vec<HashMap<u32, u32, foldhash::fast::FixedState>>;

/// Draws the streams of `phases`, each of which has the same benchmarks, sampler and seed. The first is what its request alone
/// would draw. Each later one prefers the rows that were drawn least often before; without replacement, it draws no other.
pub fn draw_phases(phases: &[(&Request, Vec<Candidates<'_>>)]) -> Vec<Stream> {
    let (mut uses, mut owed) = (Uses::new(), Owed::default());
    let mut streams = Vec::with_capacity(phases.len());
    for (number, (request, candidates)) in (1..).zip(phases) {
        let Cells { shares, cells } = Cells::of(request, candidates);
        let phase = Phase { number, request, sampler: sampler(request.sampler) };
        uses.resize_with(candidates.len(), HashMap::default);
        let has = phase.has(&cells, &uses);
        let is_informative = request.sampler == SamplerKind::Informative;
        let mut asked = if request.proportional_split || is_informative {
            shares.allocate_by(&mut owed, request.n_total_tasks, &has)
        } else {
            shares.allocate_after(&mut owed, request.n_total_tasks, request.split)
        };
        let mut chances = Chances::default();
        let mut draws = if is_informative {
            let (draws, sampled) = informative::draw(&cells, &asked, request.random_seed);
            for ((cell, sampled), asked) in cells.iter().zip(&sampled).zip(&mut asked) {
                chances.extend(sampled.iter().map(|row| ((cell.part, row.row), row.chance)));
                // Which bins the tasks are of follows from the draw, unless there are too few rows.
                if asked.total() == sampled.len() as u64 {
                    *asked = PerBin::default();
                    sampled.iter().for_each(|row| asked[row.bin] += 1);
                }
            }
            of_parts(draws, &cells)
        } else if number == 1 {
            phase.draw_first(&cells, &asked)
        } else if request.sample_with_replacement == Replacement::Always {
            phase.draw_independently(&cells, &asked, &uses)
        } else {
            phase.draw_least_used(&cells, &asked, &mut uses.clone())
        };
        order::arrange(request.order, &mut draws, candidates);
        if phases.len() > number {
            draws.iter().for_each(|draw| *uses[draw.benchmark].entry(draw.row).or_default() += 1);
        }
        let mut allocation = vec![PerBin::<u64>::default(); candidates.len()];
        for (cell, asked) in cells.iter().zip(&asked) {
            Bin::ALL.into_iter().for_each(|bin| allocation[cell.part][bin] += asked[bin]);
        }
        let shortfalls = phase.shortfalls(&cells, &asked, &has);
        streams.push(Stream { allocation, draws, shortfalls, chances });
    }
    streams
}

struct Phase<'r> {
    /// From 1.
    number: usize,
    request: &'r Request,
    sampler: &'static dyn Sampler,
}

impl Phase<'_> {
    /// How many rows each bin of each cell has for this phase.
    fn has(&self, cells: &[Cell<'_>], uses: &Uses) -> Allocation {
        let fresh_only = self.request.sample_with_replacement == Replacement::Never;
        let count = |cell: &Cell<'_>, bin: Bin| {
            // The rows of a bin ascend.
            let rows = &cell.bins.rows[bin];
            let is_here = |row: &&u32| rows.binary_search(row).is_ok();
            let used = if fresh_only { uses[cell.part].keys().filter(is_here).count() } else { 0 };
            cell.bins.sizes()[bin] - used as u64
        };
        let of_cell = |cell: &Cell<'_>| PerBin {
            easy: count(cell, Bin::Easy),
            medium: count(cell, Bin::Medium),
            hard: count(cell, Bin::Hard),
        };
        cells.iter().map(of_cell).collect()
    }

    fn shortfalls(&self, cells: &[Cell<'_>], asked: &Allocation, has: &Allocation) -> Vec<Shortfall> {
        let mut found = Vec::new();
        let is_informative = self.request.sampler == SamplerKind::Informative;
        for ((cell, asked), has) in cells.iter().zip(asked).zip(has) {
            // An informative draw owes no bin anything, but tasks as a whole.
            let bins = if is_informative { &[Bin::Hard][..] } else { &Bin::ALL };
            for &bin in bins {
                let of_bin = |tasks: &PerBin<u64>| if is_informative { tasks.total() } else { tasks[bin] };
                let (asked, has) = (of_bin(asked), of_bin(has));
                let part = &self.request.parts[cell.part];
                if delivered(asked, has, self.request.sample_with_replacement) < asked {
                    found.push(Shortfall {
                        benchmark: cell.benchmark.to_owned(),
                        stratum: cell.stratum.map(str::to_owned),
                        bin,
                        within: part.difficulty_within.is_some(),
                        informative: is_informative,
                        rows_chosen: part.rows != Eligibility::default() || self.number > 1,
                        cut: Some(part.cut).filter(|_| part.thresholds_from.is_none()),
                        asked,
                        has,
                    });
                }
            }
        }
        found
    }

    fn draw_first(&self, cells: &[Cell<'_>], asked: &Allocation) -> Vec<Draw> {
        let request = self.request;
        let draws = self.sampler.draw(cells, asked, request.sample_with_replacement, request.random_seed);
        of_parts(draws, cells)
    }

    /// Another seed for each phase, so that phases do not repeat each other's random numbers.
    fn seed(&self) -> u64 {
        let text = format!("phase\u{1f}{}", self.number);
        let seed = xxh3_64_with_seed(text.as_bytes(), self.request.random_seed);
        // NumPy takes seeds of 32 bits.
        if self.request.sampler == SamplerKind::Numpy { seed >> 32 } else { seed }
    }

    fn draw_independently(&self, cells: &[Cell<'_>], asked: &Allocation, uses: &Uses) -> Vec<Draw> {
        let draws = self.sampler.draw(cells, asked, Replacement::Always, self.seed());
        let mut draws = of_parts(draws, cells);
        for draw in &mut draws {
            draw.copy += uses[draw.benchmark].get(&draw.row).copied().unwrap_or_default();
        }
        draws
    }

    /// Draws from the rows of each bin that were drawn least often; where these are too few and tasks may repeat, goes on with
    /// those that were drawn once more.
    fn draw_least_used(&self, cells: &[Cell<'_>], asked: &Allocation, uses: &mut Uses) -> Vec<Draw> {
        let mut rest = asked.clone();
        let mut draws = Vec::new();
        let mut rounds = 0;
        loop {
            let mut bins: Vec<Bins> = Vec::with_capacity(cells.len());
            let mut owed: Allocation = vec![PerBin::default(); cells.len()];
            for (at, cell) in cells.iter().enumerate() {
                let mut offered = PerBin::<Vec<u32>>::default();
                for bin in Bin::ALL.into_iter().filter(|bin| rest[at][*bin] > 0) {
                    let used = |row: &u32| uses[cell.part].get(row).copied().unwrap_or_default();
                    let rows = &cell.bins.rows[bin];
                    let least = if self.request.sample_with_replacement == Replacement::Never {
                        0
                    } else {
                        rows.iter().map(used).min().unwrap_or_default()
                    };
                    let offer: Vec<u32> = rows.iter().copied().filter(|row| used(row) == least).collect();
                    // Where all rows were drawn equally often, the sampler repeats them as it does in a first phase.
                    let all = offer.len() == rows.len() && self.request.sample_with_replacement != Replacement::Never;
                    owed[at][bin] = if all { rest[at][bin] } else { rest[at][bin].min(offer.len() as u64) };
                    offered[bin] = offer;
                }
                bins.push(Bins::with(cell.bins.thresholds, offered));
            }
            let offered: Vec<Cell<'_>> = cells.iter().zip(&bins).map(|(cell, bins)| Cell { bins, ..*cell }).collect();
            // The first round of `numpy` has the phase's seed, later ones others; `stable` keeps its own, so that pools nest.
            let seed = match self.request.sampler {
                SamplerKind::Numpy => (self.seed() + rounds) & u64::from(u32::MAX),
                SamplerKind::Stable | SamplerKind::Informative => self.request.random_seed,
            };
            let more = of_parts(self.sampler.draw(&offered, &owed, Replacement::WhenShort, seed), cells);
            if more.is_empty() {
                break;
            }
            for mut draw in more {
                let used = uses[draw.benchmark].entry(draw.row).or_default();
                draw.copy = *used;
                *used += 1;
                draws.push(draw);
            }
            for ((rest, owed), bins) in rest.iter_mut().zip(&owed).zip(&bins) {
                for bin in Bin::ALL {
                    // An empty bin delivers nothing.
                    rest[bin] = if bins.rows[bin].is_empty() { 0 } else { rest[bin] - owed[bin] };
                }
            }
            rounds += 1;
        }
        if rounds > 1 {
            let place = |draw: &Draw| {
                let text = format!("order\u{1f}{}\u{1f}{}\u{1f}{}", draw.benchmark, draw.row, draw.copy);
                (xxh3_64_with_seed(text.as_bytes(), self.request.random_seed), *draw)
            };
            draws.sort_by_cached_key(place);
        }
        draws
    }
}

/// Draws from cells as draws from the benchmarks that these belong to.
fn of_parts(mut draws: Vec<Draw>, cells: &[Cell<'_>]) -> Vec<Draw> {
    draws.iter_mut().for_each(|draw| draw.benchmark = cells[draw.benchmark].part);
    draws
}
