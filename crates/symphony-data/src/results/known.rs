//! The curves of all rows of a benchmark, from the difficulty that a pool was drawn by.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use crate::{
    calibration::{
        self, CalibratedRow, Curve, MeasuredRecord, Reference, asymptote, calibrated_benchmark, calibration_name,
    },
    disk::checksum,
    number::function::ln,
    task::{Task, Text},
};

/// An expected error counts no nearer to 0 and 1 than this.
const LEAST_ERROR: f64 = 0.001;
/// The most folders beside a pool's that are searched for calibrations.
const MOST_FOLDERS: usize = 500;
/// The largest discrimination of a curve, and the largest difficulty, in logits.
const MOST: f64 = 1_000.0;

/// The curves of all rows of a benchmark.
pub(super) struct Known {
    pub curves: Vec<Curve>,
    /// How often a guess is right.
    pub chance: f64,
    /// The place of each row, by source_id, or by identity.
    places: HashMap<String, usize>,
}

/// A row as hard as its expected error says, for a model of the panel's mean ability.
pub(super) fn curve_of_error(error: f64) -> Curve {
    let error = error.clamp(LEAST_ERROR, 1.0 - LEAST_ERROR);
    Curve { difficulty: ln(error / (1.0 - error)), discrimination: 1.0 }
}

/// The places where a pool's calibrations are looked for: those that the caller names, the pool's folder, the one above, and the folders
/// in that.
pub(crate) fn places(named: &[PathBuf], folder: Option<&Path>) -> Vec<PathBuf> {
    let mut places = named.to_vec();
    let Some(folder) = folder.and_then(|folder| folder.canonicalize().ok()) else { return places };
    places.extend(folder.ancestors().take(2).map(Path::to_owned));
    let entries = folder.parent().and_then(|above| fs::read_dir(above).ok()).into_iter().flatten();
    let mut beside: Vec<PathBuf> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir()).collect();
    beside.sort();
    beside.truncate(MOST_FOLDERS);
    places.extend(beside);
    places
}

impl Known {
    /// Those of the difficulty that a pool was drawn by.
    ///
    /// # Errors
    /// Why there are none.
    pub fn find(benchmark: &str, record: &MeasuredRecord, places: &[PathBuf]) -> Result<Self, String> {
        let Some(name) = &record.file else {
            return Self::of_reference(benchmark, record)
                .ok_or_else(|| "the pool was drawn by the reference difficulty of another version".to_owned());
        };
        let mut why = format!("{name}, which the pool was drawn by, was not found");
        for place in places {
            let path = match calibrated_benchmark(place) {
                Some(_) => place.clone(),
                None => place.join(calibration_name(benchmark)),
            };
            // Only regular files: reading another kind may never end.
            let are_files = [&path, &path.with_file_name(calibration::calibration_meta_name(benchmark))];
            if !are_files.into_iter().all(|path| path.is_file()) {
                continue;
            }
            match Self::of_calibration(&path, record) {
                Ok(Some(known)) => return Ok(known),
                Ok(None) => {}
                Err(what) => why = format!("{}, which the pool was drawn by, {what}; calibrate again", path.display()),
            }
        }
        Err(why)
    }

    /// Those of a calibration; `None` if it is another one than the recorded.
    ///
    /// # Errors
    /// What is wrong with it.
    fn of_calibration(path: &Path, record: &MeasuredRecord) -> Result<Option<Self>, String> {
        let Some(meta) = calibration::read_meta(path).ok().filter(|meta| meta.self_checksum == record.checksum) else {
            return Ok(None);
        };
        let text = fs::read_to_string(path).map_err(|error| format!("cannot be read ({error})"))?;
        if checksum::sha256_of(text.as_bytes()) != meta.calibration.checksum {
            return Err("was changed since it was written (checksum)".to_owned());
        }
        let (mut curves, mut places) = (Vec::new(), HashMap::new());
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.is_empty()) {
            let row: CalibratedRow =
                serde_json::from_str(line).map_err(|_| format!("has no row of a calibration in line {number}"))?;
            let Curve { difficulty, discrimination } = row.own_curve();
            if !(difficulty.abs() <= MOST && discrimination > 0.0 && discrimination <= MOST) {
                return Err(format!("has no valid curve in line {number}"));
            }
            places.insert(row.source_id.clone(), curves.len());
            curves.push(row.own_curve());
        }
        Ok(Some(Self { curves, places, chance: asymptote(meta.chance) }))
    }

    /// Those of the reference difficulty, if it is the recorded one.
    fn of_reference(benchmark: &str, record: &MeasuredRecord) -> Option<Self> {
        let reference = Reference::of(benchmark).filter(|reference| reference.card.checksum == record.checksum)?;
        let (mut curves, mut places) = (Vec::new(), HashMap::new());
        for row in reference.rows() {
            places.entry(format!("{:016x}", row.identity)).or_insert(curves.len());
            curves.push(Curve { difficulty: row.difficulty, discrimination: 1.0 });
        }
        Some(Self { curves, places, chance: asymptote(reference.card.chance) })
    }

    /// The curve of a task.
    pub fn curve(&self, task: &Task) -> Option<Curve> {
        let id = |id: &Option<Text>| id.as_ref().and_then(|id| self.places.get(id.as_str())).copied();
        let place = id(&task.source_id).or_else(|| id(&task.identity))?;
        self.curves.get(place).copied()
    }
}
