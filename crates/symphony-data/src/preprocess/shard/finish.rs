//! The driver's last step: what workers made becomes the store.

use std::fs;

use super::{drive::Driver, job::PartMade, scratch::Taken};
use crate::{
    bin::{Bin, Cut, PerBin},
    disk::{DiskError, Folder, NamedFile, NewFile, WINDOW},
    preprocess::{
        PreprocessError,
        copies::CopyFinder,
        pass::{Made, seal},
        scale::Scale,
    },
    store::{Meta, Names, PartLabels, PartRecord, StoreRecord, meta_name, parts_name, rejected_name},
    task::Layout,
};

impl Driver<'_> {
    /// Gives the parts their names, writes the rows that were set aside behind each other, and the meta last.
    #[allow(clippy::too_many_arguments)] // What the steps before it found.
    pub(super) fn finish(
        self,
        folder: &Folder,
        cut: Cut,
        format: Layout,
        scale: Scale,
        made: Vec<PartMade>,
        copied: u64,
        files: Vec<NamedFile>,
    ) -> Result<Meta, PreprocessError> {
        let (stage, name) = (self.stage, &self.stage.benchmark.name);
        let inside = Folder::lock(&folder.path().join(parts_name(name)), stage.progress)?;
        let (mut parts, mut labels) = (Vec::new(), Vec::new());
        let (mut bins, mut rejected_rows, mut rejected, mut copies) = (PerBin::default(), 0, None, Vec::new());
        let mut taken = Vec::new();
        for part in made {
            if let Some((own, _)) = &part.rejected {
                let file = match &mut rejected {
                    Some(file) => file,
                    none => none.insert(folder.create_large(&rejected_name(name))?),
                };
                let (mut from, _) = self.scratch.open(own, WINDOW)?;
                std::io::copy(&mut from, file).map_err(|error| self.scratch.failed(own, error))?;
            }
            rejected_rows += part.rejected_rows;
            copies.extend(part.copies);
            Bin::ALL.into_iter().for_each(|bin| bins[bin] += part.bins[bin]);
            // A shard whose rows were all set aside leaves no part.
            if part.part.rows > 0 {
                let names = Names::part(parts.len(), format);
                taken.push(self.scratch.take(&part.part.name, &part.part.file, &inside, &names.store)?);
                taken.push(self.scratch.take(&part.index.0, &part.index.1, &inside, &names.index)?);
                parts.push(PartRecord { name: names.store, ..part.part });
                labels.push(part.labels);
            }
        }
        let written = rejected.as_mut().map(NewFile::written).transpose()?;
        let store = StoreRecord::of_parts(format, parts, PartLabels::of_store(&labels));
        let copies = CopyFinder::merged(copied, copies).found();
        let made = Made { store, bins, rejected: written, rejected_rows, copies, files };
        let mut meta = stage.meta(scale, cut, made);
        let sealed = folder.write_small(&meta_name(name), &seal(&mut meta))?;
        for file in taken {
            match file {
                Taken::Moved(from, place) => fs::rename(from, &place)
                    .map_err(|error| DiskError::writing(&place, "put this file in its place", error))?,
                Taken::Copied(file) => inside.publish(vec![file], false)?,
            }
        }
        folder.publish(rejected.into_iter().chain([sealed]).collect(), false)?;
        drop(inside);
        stage.clear(folder, &meta)?;
        Ok(meta)
    }
}
