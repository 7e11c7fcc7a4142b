//! Several pools, side by side.

use std::collections::HashSet;

use super::{
    Subject, Table,
    datasheet::Datasheet,
    percent, pictures,
    plot::{Ids, Plot},
    rows::{Key, Row},
};
use crate::bin::Bin;

/// The most pools whose shared tasks are counted pair by pair.
const MOST_POOLS: usize = 12;

/// What the page says of several pools together.
#[derive(Debug)]
pub(super) struct Compared {
    pub tables: Vec<Table>,
    pub plots: Vec<Plot>,
}

impl Compared {
    /// The pools have datasheets, and their distinct rows. `None` for one pool.
    pub fn of(
        subjects: &[Subject<'_>],
        sheets: &[&Datasheet],
        (rows, key): (&[Vec<Row<'_>>], Key),
        ids: &mut Ids,
    ) -> Option<Self> {
        if subjects.len() < 2 {
            return None;
        }
        let names = names(sheets);
        let mut tables = vec![numbers(&names, sheets, rows)];
        tables.push(shared(&names, rows, key));
        let named: Vec<(&str, &[Row<'_>])> =
            names.iter().map(String::as_str).zip(rows.iter().map(Vec::as_slice)).collect();
        let results: Vec<_> =
            names.iter().map(String::as_str).zip(subjects.iter().map(|subject| subject.results)).collect();
        let plots = [
            Some(pictures::difficulties(ids.next(&["pools", "difficulty"]), &named)),
            pictures::results_on_pools(ids.next(&["pools", "results"]), &results),
        ];
        Some(Self { tables, plots: plots.into_iter().flatten().collect() })
    }
}

/// The names of the pools. Those of one name also have a number.
fn names(sheets: &[&Datasheet]) -> Vec<String> {
    let is_twice = |name: &str| sheets.iter().filter(|sheet| sheet.name == name).count() > 1;
    let name = |(at, sheet): (usize, &&Datasheet)| {
        if is_twice(&sheet.name) { format!("{} ({})", sheet.name, at + 1) } else { sheet.name.clone() }
    };
    sheets.iter().enumerate().map(name).collect()
}

/// The numbers of each pool.
fn numbers(names: &[String], sheets: &[&Datasheet], rows: &[Vec<Row<'_>>]) -> Table {
    let head: Vec<&str> = ["pool"]
        .into_iter()
        .chain(sheets[0].numbers.iter().map(|(name, _)| *name))
        .chain(["easy", "medium", "hard"])
        .collect();
    let row = |((name, sheet), rows): ((&String, &&Datasheet), &Vec<Row<'_>>)| {
        let share = |bin: Bin| percent(rows.iter().filter(|row| row.bin == bin).count() as f64 / rows.len() as f64);
        let numbers = sheet.numbers.iter().map(|(_, number)| number.clone());
        [name.clone()].into_iter().chain(numbers).chain(Bin::ALL.map(share)).collect()
    };
    let rows = names.iter().zip(sheets).zip(rows).map(row);
    Table::new("The pools (easy, medium and hard: shares of the distinct tasks)", &head, rows)
}

/// How many distinct tasks each pool shares with each other one.
fn shared(names: &[String], rows: &[Vec<Row<'_>>], key: Key) -> Table {
    let tasks: Vec<HashSet<(&str, &str)>> =
        rows.iter().map(|rows| rows.iter().map(|row| key.get(row.task)).collect()).collect();
    let columns = names.len().min(MOST_POOLS);
    let head: Vec<&str> = ["pool"].into_iter().chain(names[..columns].iter().map(String::as_str)).collect();
    let row = |(at, name): (usize, &String)| {
        let cell = |other: usize| {
            let both = tasks[at].intersection(&tasks[other]).count();
            if at == other {
                both.to_string()
            } else {
                format!("{both} ({})", percent(both as f64 / tasks[at].len() as f64))
            }
        };
        [name.clone()].into_iter().chain((0..columns).map(cell)).collect()
    };
    let first =
        if names.len() > columns { format!(" (the first {columns} of {} pools)", names.len()) } else { String::new() };
    let title = format!(
        "Distinct tasks that the pool of the row shares with that of the column{first}, and as a share of the first"
    );
    Table::new(&title, &head, names.iter().enumerate().map(row))
}
