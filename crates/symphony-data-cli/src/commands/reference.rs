//! `reference`: the difficulties that ship with the program, and the evidence behind them.

use symphony_data::{
    calibration::{ItemModel, Reference, ReferenceCard, ReferenceModel, ReferenceSource, WITHOUT_REFERENCE},
    number::Estimate,
};

use crate::{
    arguments::examples,
    error::{CliError, print, print_json},
    table::{
        Column::{Number, Text},
        WIDTH, interval, number, score, table, wrapped,
    },
};

/// Show the difficulties that ship with the program, and how well they predict failure
#[derive(Debug, clap::Args)]
#[command(after_help = examples![
    "Show which benchmarks have one, and how good it is" => "symphony-data reference",
    "Show the card of one: its models, its sources and its fit" => "symphony-data reference gsm8k",
    "Draw tasks by it" =>
        "symphony-data build --benchmarks gsm8k -n 100 --difficulty reference \\\n      \
         --output d",
])]
pub struct Args {
    /// Show the whole card of these benchmarks [default: a line for each]
    #[arg(value_name = "BENCHMARK")]
    benchmarks: Vec<String>,
    /// Print the cards as JSON, with all that they hold
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<(), CliError> {
    let cards: Vec<&ReferenceCard> = if args.benchmarks.is_empty() {
        Reference::all().iter().map(|reference| &reference.card).collect()
    } else {
        args.benchmarks.iter().map(|name| card_of(name)).collect::<Result<_, _>>()?
    };
    if args.json {
        return print_json(&cards);
    }
    if args.benchmarks.is_empty() {
        return print(&overview(&cards));
    }
    print(&cards.into_iter().map(card_text).collect::<Vec<_>>().join("\n"))
}

/// The card of a benchmark that was named.
fn card_of(name: &str) -> Result<&'static ReferenceCard, CliError> {
    Reference::of(name).map(|reference| &reference.card).ok_or_else(|| {
        let why = if WITHOUT_REFERENCE.contains(&name) { format!(": {WHY_NOT}") } else { String::new() };
        let names = Reference::names().join(", ");
        CliError::Usage(format!("`{name}` has no reference difficulty{why}; these have one: {names}"))
    })
}

/// Why a built-in benchmark has no reference difficulty, and what follows.
const WHY_NOT: &str = "no public answers of models; `--difficulty reference` draws it by the surface score";

/// How well each predicts, where the answers are from, and how to draw by it.
fn overview(cards: &[&ReferenceCard]) -> String {
    let columns = [
        Text("benchmark"),
        Number("rows"),
        Number("answered"),
        Number("models"),
        Number("families"),
        Number("base models"),
        Number("rho"),
        Number("95 %"),
        Number("surface rho"),
        Number("gap"),
        Number("surface gap"),
    ];
    let line = |card: &&ReferenceCard| {
        let result = |difficulty: &str| {
            let found = card.held_out("families", difficulty);
            found.map_or_else(Default::default, |found| (found.spearman, found.gap))
        };
        let ((rho, gap), (surface_rho, surface_gap)) = (result("reference"), result("surface"));
        vec![
            card.benchmark.clone(),
            card.n_tasks_full.to_string(),
            card.n_answered.to_string(),
            card.panel.len().to_string(),
            card.n_families.to_string(),
            card.n_base_models.to_string(),
            number(rho.value),
            interval(rho),
            number(surface_rho.value),
            number(gap.value),
            number(surface_gap.value),
        ]
    };
    let mut text = table(&columns, cards.iter().map(line));
    text += "\
rho: rank correlation with the failures of a family of models that was left out of the fit
gap: how much more often such models fail hard tasks than easy ones
surface: the same for the surface score

";
    text += &WITHOUT_REFERENCE.iter().map(|name| lines(&format!("{name}: {WHY_NOT}"))).collect::<String>();
    text += &cards.iter().filter_map(|card| note(card)).collect::<String>();
    text += "\nAnswers are from\n";
    text += &all_sources(cards);
    text + "\
\nTo draw by it, add `--difficulty reference` to `plan`, `build` or `run`, or write
`difficulty: reference` in an experiment or in a benchmark of the configuration.
To check it against models of your own, run `validate --difficulty reference --responses FILE`.
"
}

/// Each source once, with the benchmarks that it has answers to.
fn all_sources(cards: &[&ReferenceCard]) -> String {
    let mut sources: Vec<(String, Vec<&str>)> = Vec::new();
    for card in cards {
        for source in &card.sources {
            let name = format!("{} ({})", source.name, source.license);
            match sources.iter_mut().find(|(known, _)| *known == name) {
                Some((_, benchmarks)) if benchmarks.contains(&card.benchmark.as_str()) => {}
                Some((_, benchmarks)) => benchmarks.push(&card.benchmark),
                None => sources.push((name, vec![&card.benchmark])),
            }
        }
    }
    sources.iter().map(|(name, benchmarks)| lines(&format!("{name}: {}", benchmarks.join(", ")))).collect()
}

/// All that people want to know of one card.
fn card_text(card: &ReferenceCard) -> String {
    let model = match card.model {
        ItemModel::OneParameter => "1pl",
        ItemModel::TwoParameters => "2pl",
    };
    let facts = [
        ("rows", format!("{}, of them {} with answers", card.n_tasks_full, card.n_answered)),
        (
            "answers",
            format!(
                "{} of {} models; {} families, {} base models",
                card.n_answers,
                card.panel.len(),
                card.n_families,
                card.n_base_models
            ),
        ),
        ("model", format!("{model}, chance {}, abilities with sd {} logits", card.chance, score(card.ability_sd))),
        (
            "difficulty",
            format!(
                "{} logits at mean features, sd {} around the prediction",
                score(card.intercept),
                score(card.residual_sd)
            ),
        ),
        ("checksum", format!("{} of its rows", card.checksum)),
        ("fitted by", card.tool.clone()),
    ];
    let mut text = format!("{}: reference difficulty\n", card.benchmark);
    text += &facts.map(|(name, value)| format!("  {name:<10}  {value}\n")).concat();
    text += &note(card).map(|note| format!("\n{note}")).unwrap_or_default();
    let columns = [
        Text("left out"),
        Number("n"),
        Text("difficulty"),
        Number("rho"),
        Number("95 %"),
        Number("gap"),
        Number("95 %"),
    ];
    let cells = |estimate: Estimate| [number(estimate.value), interval(estimate)];
    let rows = card.held_out.iter().map(|found| {
        let [rho, rho_interval] = cells(found.spearman);
        let [gap, gap_interval] = cells(found.gap);
        let (what, difficulty) = (found.what.clone(), found.difficulty.clone());
        vec![what, found.n.to_string(), difficulty, rho, rho_interval, gap, gap_interval]
    });
    text += "\nHow well it predicts models that were left out of the fit\n";
    text += &table(&columns, rows);
    if !card.features.is_empty() {
        let columns = [Text("feature"), Number("logits per sd"), Number("mean"), Number("sd")];
        let rows = card.features.iter().map(|feature| {
            vec![feature.name.clone(), score(feature.coefficient), score(feature.mean), score(feature.sd)]
        });
        let within = card.label.as_ref().map(|label| format!(", within each {label}")).unwrap_or_default();
        text += &format!("\nWhat it predicts of rows that it does not know{within}\n");
        text += &table(&columns, rows);
    }
    text += "\nAnswers are from\n";
    text += &sources(card);
    text += "\nThe models, which pools drawn by it do not evaluate independently: answers, family, name\n";
    let family = |member: &ReferenceModel| member.model.family.clone().unwrap_or_else(|| "-".to_owned());
    let width = card.panel.iter().map(|member| family(member).len()).max().unwrap_or_default();
    // Names come last, so that long ones stay whole.
    for member in &card.panel {
        text += &format!("{:>4}  {:width$}  {}\n", member.n_responses, family(member), member.model.name);
    }
    text
}

/// The caveat of a card.
fn note(card: &ReferenceCard) -> Option<String> {
    card.note.as_ref().map(|note| lines(&format!("{}: {note}", card.benchmark)))
}

/// Who published the answers, one source after the other.
fn sources(card: &ReferenceCard) -> String {
    let of = |source: &ReferenceSource| {
        let models = if source.models == 1 { "1 model".to_owned() } else { format!("{} models", source.models) };
        lines(&format!("{} ({}), {models}: {}", source.name, source.license, source.what))
    };
    card.sources.iter().map(of).collect()
}

/// A text in lines that fit the width of tables; those after the first are indented.
fn lines(text: &str) -> String {
    let wrapped = wrapped(text, WIDTH - 2);
    let line = |(at, line): (usize, &String)| format!("{}{line}\n", if at == 0 { "" } else { "  " });
    wrapped.iter().enumerate().map(line).collect()
}
