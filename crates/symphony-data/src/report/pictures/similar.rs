//! Which tasks are nearly the same.

use std::{collections::BTreeMap, convert::Infallible};

use super::{BINS, class};
use crate::{
    compare::Reader,
    config::Config,
    duplicates::{self, SIMILAR, Texts},
    report::{
        Table,
        plot::{At, MOST_DRAWN, Mark, Plot, Scale, WIDTH, more_than_drawn, score_ticks},
        rows::Row,
        shown,
    },
};

/// The most rows that are compared: this takes a fraction of a second.
const MOST_COMPARED: usize = 20_000;

/// The questions of rows.
struct Questions(Vec<String>);

impl Texts for Questions {
    type Error = Infallible;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn get(&self, rows: &[u32]) -> Result<Vec<String>, Infallible> {
        Ok(rows.iter().map(|row| self.0[*row as usize].clone()).collect())
    }
}

/// The groups of distinct tasks whose questions are near-duplicates, or `Err` with a sentence that says that no tasks are.
pub(in crate::report) fn similar(id: String, rows: &[Row<'_>], config: &Config) -> Result<Plot, String> {
    let rows = &rows[..rows.len().min(MOST_COMPARED)];
    let mut readers: BTreeMap<&str, Reader<'_>> = BTreeMap::new();
    let mut questions = Vec::new();
    for row in rows {
        let name = row.task.benchmark.as_str();
        let reader = readers.entry(name).or_insert_with(|| Reader::new(name, config.benchmark(name)));
        questions.push(reader.question(row.task.raw_data.get()).parts.join("\n"));
    }
    let questions = Questions(questions);
    let Ok(found) = duplicates::find(&questions, &[]);
    let mut groups: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for link in &found.links {
        groups.entry(link.first).or_insert_with(|| vec![link.first]).push(link.row);
    }
    if groups.is_empty() {
        return Err(match rows.len() {
            1 => "There is one task, and so no near-duplicate.".to_owned(),
            n => format!("No two of {n} distinct tasks are near-duplicates."),
        });
    }
    let mut groups: Vec<Vec<u32>> = groups.into_values().collect();
    groups.sort_by_key(|own| std::cmp::Reverse(own.len()));
    let name =
        |row: &Row<'_>| row.task.source_id.as_ref().map_or(row.task.task_id.as_str(), |id| id.as_str()).to_owned();
    let x = Scale { values: (0.0, 1.0), pixels: (12.0, WIDTH - 14.0) };
    let (top, mut y) = (8.0, 8.0);
    let (mut marks, mut table) = (Vec::new(), Vec::new());
    for (at, own) in groups.iter().enumerate() {
        let own: Vec<&Row<'_>> = own.iter().map(|row| &rows[*row as usize]).collect();
        for row in &own {
            let score = format!("{:.3}", row.task.difficulty_score);
            table.push(vec![
                (at + 1).to_string(),
                row.task.benchmark.clone(),
                name(row),
                class(row.bin).to_owned(),
                score,
            ]);
        }
        if at < MOST_DRAWN {
            marks.push(Mark::name(y, &format!("{} and {} more", name(own[0]), own.len() - 1)));
            y += 20.0;
            for row in own {
                let score = row.task.difficulty_score;
                marks.push(Mark::dot(class(row.bin), (x.at(score), y), &format!("{}: {score:.3}", name(row))));
            }
            y += 8.0;
        }
    }
    marks.splice(0..0, x.below((top, y), &score_ticks()));
    let (n, tasks) = (groups.len(), groups.iter().map(Vec::len).sum::<usize>());
    let (noun, verb) = if n == 1 { ("group", "is") } else { ("groups", "are") };
    let more = more_than_drawn(n, "groups");
    Ok(Plot {
        id,
        title: format!("{tasks} of {} distinct tasks are near-duplicates: there {verb} {n} {noun}{more}", rows.len()),
        legend: BINS.to_vec(),
        height: At(y + 22.0),
        marks,
        table: Table::new(
            &shown(&format!("Groups of near-duplicates (Jaccard similarity of five-word runs from {SIMILAR} on)")),
            &["group", "benchmark", "task", "bin", "score"],
            table,
        ),
    })
}
