//! Where reports and their pictures are written: whole or not at all, and over nothing but what a report wrote.

use std::{
    fs,
    io::{ErrorKind, Read},
    path::{Path, PathBuf},
};

use rayon::prelude::*;

use super::{Picture, Report, ReportError, png::png};
use crate::{disk::Folder, progress::Progress};

/// What the files of a report say of who wrote them.
pub(super) const MARK: &str = "symphony-data report";
/// The keyword of [`MARK`] in a PNG, with the kind of its chunk.
pub(super) const PNG_KEYWORD: &str = "tEXtSoftware\0";
/// How many pixels of a PNG each of a picture's own becomes: those of a column of a paper at 300 dots to the inch.
const PNG_SCALE: f32 = 3.0;
/// How many bytes of a file are enough to see what it is.
const HEAD: usize = 256;

/// A file that is to be written. It was checked that it replaces none but a report's, or the caller forces it.
#[derive(Debug)]
pub struct Place {
    path: PathBuf,
    folder: PathBuf,
    name: String,
    force: bool,
}

impl Place {
    /// The place of a file.
    ///
    /// # Errors
    /// The path names no file, or something stands there that no report wrote, and `force` is false.
    pub fn of(path: &Path, force: bool) -> Result<Self, ReportError> {
        let refused = |why| ReportError::NoFile { path: path.to_owned(), why };
        if path.is_dir() {
            return Err(refused("this is a folder; name a file in it, such as report.html"));
        }
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| refused("this does not name a file; write one such as report.html"))?;
        // The parent of a plain file name is empty.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let place = Self { path: path.to_owned(), folder: folder.to_owned(), name: name.to_owned(), force };
        place.check()?;
        Ok(place)
    }

    fn check(&self) -> Result<(), ReportError> {
        let refused = |why: String| Err(ReportError::InTheWay { path: self.path.clone(), why });
        // Only a regular file: reading another kind may never end.
        match self.path.metadata() {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(()),
            _ if self.force => return Ok(()),
            Ok(there) if there.is_file() => {}
            _ => return refused("this is not a file".to_owned()),
        }
        let mut head = Vec::new();
        match fs::File::open(&self.path).and_then(|file| file.take(HEAD as u64).read_to_end(&mut head)) {
            Ok(_) if is_ours(&head) => Ok(()),
            Ok(_) => refused("this file is not a report of symphony-data".to_owned()),
            Err(error) => refused(format!("this file cannot be read ({error})")),
        }
    }

    /// Writes the file.
    ///
    /// # Errors
    /// Something else stands there by now, or it cannot be written. The file is as it was then.
    pub fn write(&self, content: &[u8], progress: &dyn Progress) -> Result<(), ReportError> {
        write(&[(self, content)], progress)
    }
}

/// Whether a file that begins like this is a report, or a picture of one.
fn is_ours(head: &[u8]) -> bool {
    let is_page = head.starts_with(b"<!DOCTYPE html>") && {
        let generator = format!(r#"<meta name="generator" content="{MARK}">"#);
        head.windows(generator.len()).any(|part| part == generator.as_bytes())
    };
    let is_svg = head.starts_with(format!("<!-- {MARK} -->").as_bytes());
    let is_png = head.starts_with(b"\x89PNG\r\n\x1a\n") && {
        let chunk = [PNG_KEYWORD, MARK].concat();
        head.windows(chunk.len()).any(|part| part == chunk.as_bytes())
    };
    is_page || is_svg || is_png
}

impl Report<'_> {
    /// Writes each picture as SVG into one folder, and as PNG into another, as far as they are named. Folders that do not exist are made.
    /// A PNG has three pixels for each of the picture's own, and all text in one font, so that it is the same on every machine.
    ///
    /// # Errors
    /// A file would replace something that no report wrote, and `force` is false: nothing was written then. Or one cannot be written.
    pub fn write_pictures(
        &self,
        svg: Option<&Path>,
        png: Option<&Path>,
        force: bool,
        progress: &dyn Progress,
    ) -> Result<(), ReportError> {
        if svg.is_none() && png.is_none() {
            return Ok(());
        }
        let pictures = self.pictures()?;
        let as_svg = |own: &Picture| Ok(own.svg.clone().into_bytes());
        let as_png = |own: &Picture| self::png(&own.svg, PNG_SCALE);
        let svg = svg.map(|folder| files(&pictures, folder, "svg", force, as_svg)).transpose()?;
        let png = png.map(|folder| files(&pictures, folder, "png", force, as_png)).transpose()?;
        for files in svg.iter().chain(&png) {
            let files: Vec<(&Place, &[u8])> = files.iter().map(|(place, content)| (place, &content[..])).collect();
            write(&files, progress)?;
        }
        Ok(())
    }
}

/// The pictures as files with this ending, in one folder.
fn files(
    pictures: &[Picture],
    folder: &Path,
    ending: &str,
    force: bool,
    content: impl Fn(&Picture) -> Result<Vec<u8>, ReportError> + Send + Sync,
) -> Result<Vec<(Place, Vec<u8>)>, ReportError> {
    let places = pictures.iter().map(|own| Place::of(&folder.join(format!("{}.{ending}", own.name)), force));
    let places: Vec<Place> = places.collect::<Result<_, _>>()?;
    let contents: Vec<Vec<u8>> = pictures.par_iter().map(content).collect::<Result<_, _>>()?;
    Ok(places.into_iter().zip(contents).collect())
}

/// Writes files of one folder.
fn write(files: &[(&Place, &[u8])], progress: &dyn Progress) -> Result<(), ReportError> {
    let Some((first, _)) = files.first() else { return Ok(()) };
    let folder = Folder::lock(&first.folder, progress)?;
    let mut written = Vec::new();
    for (place, content) in files {
        place.check()?;
        let mut file = folder.create_small(&place.name)?;
        file.put(content)?;
        written.push(file);
    }
    Ok(folder.publish(written, true)?)
}
