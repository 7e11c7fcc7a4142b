//! Draws the stream of a request from the stores, phase after phase.

use std::{collections::BTreeMap, sync::Arc};

use super::{DrawError, Drawn, DrawnPart, DrawnPhase, Selected, Stores};
use crate::{
    bin::{Bin, PerBin, Thresholds},
    pool::statistics::Repeats,
    request::{Exclude, Request, SamplerKind},
    stream::{Candidates, Chances, Shortfall, Stream, draw_phases},
};

/// How many bins without enough rows a warning of its own tells.
const SHORTFALLS_SHOWN: usize = 20;

impl Stores<'_> {
    /// Draws the stream of `request`, one of the requests that the stores were opened for.
    ///
    /// # Errors
    /// No task can be drawn, or a key of the request does not fit the stores.
    pub fn draw<'l>(&'l self, request: &'l Request) -> Result<Drawn<'l>, DrawError> {
        if !self.can_draw_in_spans(request)? {
            return self.draw_with_rows(request);
        }
        let (selected, stream) = self.draw_in_spans(request)?;
        self.drawn(request, vec![selected], vec![stream])
    }

    /// [`Self::draw`] with all rows of each bin in memory.
    ///
    /// # Errors
    /// The same as [`Self::draw`].
    pub fn draw_with_rows<'l>(&'l self, request: &'l Request) -> Result<Drawn<'l>, DrawError> {
        let stretches = request.stretches();
        let selected: Vec<Vec<Arc<Selected>>> =
            stretches.iter().map(|stretch| self.selected_parts(stretch)).collect::<Result<_, _>>()?;
        let phases = stretches.iter().zip(&selected);
        let phases = phases.map(|(stretch, selected)| Ok((*stretch, self.candidates(stretch, selected)?)));
        let streams = draw_phases(&phases.collect::<Result<Vec<_>, DrawError>>()?);
        self.drawn(request, selected, streams)
    }

    /// The result of a request, from the rows that may be drawn in each of its stretches and their streams.
    fn drawn<'l>(
        &'l self,
        request: &'l Request,
        selected: Vec<Vec<Arc<Selected>>>,
        streams: Vec<Stream>,
    ) -> Result<Drawn<'l>, DrawError> {
        let stretches = request.stretches();
        let mut drawn = Drawn {
            request,
            stream: Stream {
                allocation: vec![PerBin::default(); request.parts.len()],
                draws: Vec::new(),
                shortfalls: Vec::new(),
                chances: Chances::default(),
            },
            parts: self.parts(request, &selected)?,
            phases: Vec::new(),
            warnings: request.warnings.clone(),
        };
        let all = drawn.parts.iter().map(|part| &part.selected).chain(selected.iter().flatten());
        let warnings: Vec<&String> = all.flat_map(|selected| &selected.warnings).collect();
        let warnings = warnings.into_iter().cloned().chain(self.idle_lists(request)?);
        for warning in warnings.collect::<Vec<_>>() {
            if !drawn.warnings.contains(&warning) {
                drawn.warnings.push(warning);
            }
        }
        if request.sampler == SamplerKind::Informative {
            let by_surface = drawn.parts.iter().filter(|part| part.joined().is_none());
            drawn.warnings.extend(by_surface.map(|part| {
                format!(
                    "{}: the surface score predicts no errors, so its estimate is hardly better than that of a random sample; draw by \
                     a calibration, or by the reference where there is one",
                    part.benchmark()
                )
            }).collect::<Vec<_>>());
        }
        let mut short: Vec<String> = Vec::new();
        for ((number, stretch), (stream, selected)) in (1..).zip(&stretches).zip(streams.into_iter().zip(selected)) {
            let phase = if request.phases.is_empty() { String::new() } else { format!("phase {number}: ") };
            short.extend(stream.shortfalls.iter().map(|short| format!("{phase}{short}")));
            for (all, asked) in drawn.stream.allocation.iter_mut().zip(&stream.allocation) {
                Bin::ALL.into_iter().for_each(|bin| all[bin] += asked[bin]);
            }
            if !request.phases.is_empty() {
                drawn.phases.push(DrawnPhase {
                    number,
                    request: stretch,
                    first: drawn.stream.draws.len(),
                    tasks: stream.draws.len(),
                    allocation: stream.allocation,
                    selected,
                });
            }
            drawn.stream.draws.extend(stream.draws);
            drawn.stream.shortfalls.extend(stream.shortfalls);
            drawn.stream.chances.extend(stream.chances);
        }
        let more = short.len().saturating_sub(SHORTFALLS_SHOWN);
        short.truncate(SHORTFALLS_SHOWN);
        drawn.warnings.extend(short);
        if more > 0 {
            let lost: u64 = drawn.stream.shortfalls.iter().map(|short| short.asked - short.has.min(short.asked)).sum();
            drawn.warnings.push(format!("{more} more bins are short; {lost} tasks are missing in all"));
        }
        if drawn.stream.draws.is_empty() {
            let why = drawn.stream.shortfalls.iter().take(SHORTFALLS_SHOWN).map(|short| with_ends(short, &drawn.parts));
            return Err(DrawError::NoTasks { experiment: None, why: why.collect() });
        }
        count(&mut drawn)?;
        drawn.warnings.extend(rows_without_chance(&drawn));
        Ok(drawn)
    }

    /// A warning for each file of tasks to be left out that names no row of any benchmark.
    fn idle_lists(&self, request: &Request) -> Result<Vec<String>, DrawError> {
        let mut idle = Vec::new();
        for exclude in request.parts.first().into_iter().flat_map(|part| &part.rows.exclude) {
            if !matches!(exclude, Exclude::Path(path) if path.is_file()) {
                continue;
            }
            let excluded = self.excluded(exclude)?;
            let names = |part: &crate::request::Part| {
                let loaded = self.loaded(&part.benchmark)?;
                Ok(loaded.identities()?.iter().any(|identity| excluded.has(&part.benchmark, *identity)))
            };
            let found: Vec<bool> = request.parts.iter().map(names).collect::<Result<_, DrawError>>()?;
            if !found.contains(&true) {
                idle.push(format!("exclude: {} lists no row of these benchmarks", exclude.name()));
            }
        }
        Ok(idle)
    }

    /// The rows that each benchmark of a request may draw.
    fn selected_parts(&self, request: &Request) -> Result<Vec<Arc<Selected>>, DrawError> {
        let stratify_by = request.stratify_by.as_ref().map(|(label, _)| label.as_str());
        request.parts.iter().map(|part| self.selected(part, stratify_by)).collect()
    }

    /// The parts of a request, with the rows that all of its phases may draw; where phases differ in these, those of the request.
    fn parts<'l>(
        &'l self,
        request: &'l Request,
        of_phases: &[Vec<Arc<Selected>>],
    ) -> Result<Vec<DrawnPart<'l>>, DrawError> {
        let are_same = |one: &Vec<Arc<Selected>>, other: &Vec<Arc<Selected>>| {
            one.iter().zip(other).all(|(one, other)| Arc::ptr_eq(one, other))
        };
        let selected = match of_phases {
            [first, others @ ..] if others.iter().all(|other| are_same(first, other)) => first.clone(),
            _ => self.selected_parts(request)?,
        };
        let part = |(part, selected): (&'l crate::request::Part, Arc<Selected>)| {
            Ok(DrawnPart {
                store: &self.loaded(&part.benchmark)?.store,
                selected,
                asked: PerBin::default(),
                got: PerBin::default(),
                got_by_stratum: Vec::new(),
                repeats: Repeats::default(),
                repeats_by_bin: PerBin::default(),
            })
        };
        request.parts.iter().zip(selected).map(part).collect()
    }

    fn candidates<'c>(
        &'c self,
        request: &'c Request,
        selected: &'c [Arc<Selected>],
    ) -> Result<Vec<Candidates<'c>>, DrawError> {
        let of_part = |(part, selected): (&'c crate::request::Part, &'c Arc<Selected>)| {
            let loaded = self.loaded(&part.benchmark)?;
            Ok(Candidates {
                benchmark: &part.benchmark,
                bins: &selected.bins,
                scores: selected.scores(loaded.scores()?),
                scores_are_errors: selected.joined.is_some(),
                identities: loaded.identities()?,
                earlier: None,
                strata: &selected.strata,
            })
        };
        request.parts.iter().zip(selected).map(of_part).collect()
    }
}

/// Counts what each benchmark owes, has, and repeats.
fn count(drawn: &mut Drawn<'_>) -> Result<(), DrawError> {
    let strata: Vec<_> = (0..drawn.parts.len()).map(|part| drawn.by_stratum(part)).collect();
    drawn.parts.iter_mut().zip(strata).for_each(|(part, strata)| part.got_by_stratum = strata);
    let rows: Vec<Vec<u32>> = (0..drawn.parts.len()).map(|part| drawn.rows_of(part)).collect();
    let stream = &drawn.stream;
    for (at, ((part, asked), rows)) in drawn.parts.iter_mut().zip(&stream.allocation).zip(rows).enumerate() {
        part.asked = *asked;
        // Copies count as one task. Without copies, the row number identifies a task.
        let identities = match part.store.meta.copies {
            Some(_) => part.store.identities_at(&rows)?,
            None => rows.iter().map(|row| u64::from(*row)).collect(),
        };
        let (mut counts, mut all) = (PerBin::<BTreeMap<u64, u64>>::default(), BTreeMap::new());
        for draw in stream.draws.iter().filter(|draw| draw.benchmark == at) {
            part.got[draw.bin] += 1;
            let identity = rows.binary_search(&draw.row).map_or(u64::from(draw.row), |place| identities[place]);
            *counts[draw.bin].entry(identity).or_insert(0) += 1;
            *all.entry(identity).or_insert(0) += 1;
        }
        part.repeats = Repeats::of(all.into_values());
        for bin in Bin::ALL {
            part.repeats_by_bin[bin] = Repeats::of(counts[bin].values().copied());
        }
    }
    Ok(())
}

/// A warning for each benchmark of an informative draw where some rows could not be drawn, because a value of a label got no task.
fn rows_without_chance(drawn: &Drawn<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    for (at, part) in drawn.parts.iter().enumerate().filter(|_| !drawn.stream.chances.is_empty()) {
        let own = drawn.stream.chances.iter().filter(|((benchmark, _), _)| *benchmark == at);
        let weights: f64 = own.map(|(_, chance)| chance.weight).sum();
        let rows = part.bins().sizes().total();
        let without = rows as f64 - weights;
        if without > 0.5 {
            warnings.push(format!(
                "{}: {without:.0} of {rows} rows had no chance to be drawn, because there are fewer tasks than strata; ask for more",
                part.benchmark()
            ));
        }
    }
    warnings
}

/// A shortfall with where the bins of its benchmark begin and end, and how many rows may be drawn.
fn with_ends(short: &Shortfall, parts: &[DrawnPart<'_>]) -> String {
    let part = parts.iter().find(|part| part.benchmark() == short.benchmark);
    let ends = part
        .map(|part| part.bins().thresholds)
        .map(|Thresholds { easy, hard }| format!(" (easy: scores up to {easy:.3}; hard: other scores from {hard:.3})"));
    let eligible = part.and_then(|part| part.selected.eligible.as_ref()).map(|eligible| format!(" ({eligible})"));
    format!("{short}{}{}", ends.unwrap_or_default(), eligible.unwrap_or_default())
}
