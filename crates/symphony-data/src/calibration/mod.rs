//! Difficulties that were fitted to the responses of a panel of models: calibrations on disk, and those that ship inside the
//! program.

mod file;
mod record;
mod reference;

pub use file::{
    CalibratedRow, CalibrationMeta, Curve, FeatureSlope, ItemModel, PanelMember, PriorDifficulty, PriorKind, asymptote,
    calibrated_benchmark, calibration_meta_name, calibration_name, read_meta,
};
pub use record::{MEASURED_KEYS, MeasuredRecord};
pub use reference::{
    HeldOut, Reference, ReferenceCard, ReferenceModel, ReferenceRow, ReferenceSource, WITHOUT_REFERENCE,
};
