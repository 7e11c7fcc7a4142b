//! A calibration on disk: the difficulty of each row, fitted to the responses of a panel of models.

mod file;
mod record;

pub use file::{
    CalibratedRow, CalibrationMeta, FeatureSlope, ItemModel, PanelMember, calibrated_benchmark, calibration_meta_name,
    calibration_name, read_meta,
};
pub use record::{MEASURED_KEYS, MeasuredRecord};
