//! The calculations at the bedside, from the anion gap to the volume of a resuscitation.
//!
//! Each returns the right value first and then three values that typical mistakes lead to: a forgotten term, a
//! swapped ratio, a wrong constant. Nothing but the four operations and square roots is used, so that the values are
//! the same on every machine.

use super::super::prng::Rng;
use super::Case;
use super::vignette::Subject;

type Calculation = fn(&mut Rng, &Subject) -> Case;

pub(super) const ALL: [Calculation; 23] = [
    anion_gap,
    corrected_calcium,
    body_mass_index,
    creatinine_clearance,
    mean_arterial_pressure,
    oxygen_gradient,
    sodium_excretion,
    osmolal_gap,
    corrected_sodium,
    ldl,
    corrected_qt,
    maintenance_fluids,
    ejection_fraction,
    cardiac_output,
    expected_pco2,
    pack_years,
    burn_fluids,
    infusion_rate,
    neutrophils,
    transferrin_saturation,
    coma_scale,
    loading_dose,
    alveolar_ventilation,
];

/// A number with one decimal between two bounds given in tenths.
fn tenths(rng: &mut Rng, low: i64, high: i64) -> f64 {
    rng.range(low, high) as f64 / 10.0
}

fn whole(rng: &mut Rng, low: i64, high: i64) -> f64 {
    rng.range(low, high) as f64
}

/// No upper end.
const MORE: f64 = f64::INFINITY;

fn personal(facts: Vec<String>, what: (&'static str, &'static str, usize), right: f64, wrong: [f64; 3]) -> Case {
    let (quantity, unit, decimals) = what;
    let classes = [(0.0, "absent", ""), (0.0, "low", ""), (0.0, "normal", ""), (MORE, "high", "")];
    Case { facts, quantity, unit, decimals, right, wrong, classes, personal: true, taken: &[] }
}

impl Case {
    fn classes(self, classes: [super::Class; 4]) -> Self {
        Case { classes, ..self }
    }

    fn taking(self, taken: &'static [&'static str]) -> Self {
        Case { taken, ..self }
    }
}

fn anion_gap(rng: &mut Rng, _: &Subject) -> Case {
    let (na, k, cl, hco3) = (whole(rng, 128, 148), tenths(rng, 32, 58), whole(rng, 92, 108), whole(rng, 8, 26));
    let gap = na - cl - hco3;
    personal(
        vec![format!("Serum studies show sodium {na} mEq/L, potassium {k:.1} mEq/L, chloride {cl} mEq/L, and bicarbonate {hco3} mEq/L.")],
        ("serum anion gap", "mEq/L", 0), gap, [gap + k + 4.0, na - cl, (gap - hco3 / 2.0).abs()],
    )
    .classes([
        (6.0, "low", "is below the usual range and makes a laboratory error or a low albumin likely"), (13.0, "normal", "is within the usual range and does not point to unmeasured acids"),
        (21.0, "elevated", "is above the usual range and points to unmeasured acids in the blood"), (MORE, "highly elevated", "is far above the usual range, as in ketoacidosis or lactic acidosis"),
    ])
    .taking(&["electrolytes"])
}

fn corrected_calcium(rng: &mut Rng, _: &Subject) -> Case {
    let (calcium, albumin) = (tenths(rng, 68, 112), tenths(rng, 14, 34));
    let by = 0.8 * (4.0 - albumin);
    personal(
        vec![format!("Total serum calcium is {calcium:.1} mg/dL and serum albumin is {albumin:.1} g/dL, with a normal albumin of 4.0 g/dL.")],
        ("albumin-corrected calcium", "mg/dL", 1), calcium + by, [calcium, calcium - by, calcium + 4.0 - albumin],
    )
    .classes([
        (8.5, "low", "is low, so that ionized calcium should be measured"), (10.5, "normal", "is normal, so that the low total value is explained by albumin alone"),
        (12.0, "mildly elevated", "is slightly too high and calls for a parathyroid hormone level"), (MORE, "severely elevated", "is much too high and calls for intravenous fluids"),
    ])
    .taking(&["calcium"])
}

fn body_mass_index(rng: &mut Rng, subject: &Subject) -> Case {
    let (kg, m) = (whole(rng, 45, 125), subject.height as f64 / 100.0);
    let bmi = kg / (m * m);
    personal(
        vec![format!("Height is {} cm and weight is {kg} kg.", subject.height)],
        ("body mass index", "kg/m2", 1),
        bmi,
        [kg / m, bmi * 0.8, bmi * 1.22],
    )
    .classes([
        (18.5, "underweight", "is in the range of underweight"),
        (25.0, "normal weight", "is in the range of normal weight and needs no advice about calories"),
        (30.0, "overweight", "is in the range of overweight"),
        (MORE, "obese", "is in the range of obesity and justifies screening for diabetes"),
    ])
    .taking(&["weight"])
}

fn creatinine_clearance(rng: &mut Rng, subject: &Subject) -> Case {
    let (kg, creatinine) = (whole(rng, 48, 110), tenths(rng, 8, 42));
    let male = (140.0 - subject.age as f64) * kg / (72.0 * creatinine);
    let (right, other) = if subject.she { (male * 0.85, male) } else { (male, male * 0.85) };
    personal(
        vec![format!("Weight is {kg} kg and serum creatinine is {creatinine:.1} mg/dL.")],
        ("creatinine clearance by the Cockcroft-Gault equation", "mL/min", 0),
        right,
        [other, right * 1.45, right * 0.55],
    )
    .classes([
        (15.0, "kidney failure", "is in the range of kidney failure"),
        (30.0, "severely reduced", "is severely reduced, so that many drugs need a much lower dose"),
        (60.0, "reduced", "is reduced, so that some drugs need a lower dose"),
        (MORE, "sufficient", "allows the usual dose of most drugs"),
    ])
    .taking(&["weight", "creatinine"])
}

fn mean_arterial_pressure(rng: &mut Rng, _: &Subject) -> Case {
    let diastolic = whole(rng, 38, 105);
    let systolic = diastolic + 3.0 * whole(rng, 9, 26);
    let map = diastolic + (systolic - diastolic) / 3.0;
    personal(
        vec![format!("Blood pressure is {systolic}/{diastolic} mm Hg, measured twice on the left arm.")],
        ("mean arterial pressure", "mm Hg", 0),
        map,
        [diastolic + (systolic - diastolic) / 2.0, systolic - (systolic - diastolic) / 4.0, systolic - diastolic],
    )
    .classes([
        (65.0, "too low", "is too low to supply the organs and calls for fluids or vasopressors"),
        (70.0, "borderline", "is just enough for the supply of the organs"),
        (105.0, "normal", "is enough for the supply of the organs"),
        (MORE, "elevated", "is too high and damages the vessels if it lasts"),
    ])
    .taking(&["pressure"])
}

fn oxygen_gradient(rng: &mut Rng, subject: &Subject) -> Case {
    let (oxygen, paco2) = (whole(rng, 48, 92), 4.0 * whole(rng, 6, 14));
    let alveolar = 150.0 - paco2 / 0.8;
    // A gradient below zero does not exist: such a blood gas is not from room air.
    let oxygen = oxygen.min(alveolar - 6.0);
    let gradient = alveolar - oxygen;
    let expected = subject.age as f64 / 4.0 + 4.0;
    personal(
        vec![format!("Arterial blood gas on room air at sea level shows a PaO2 of {oxygen} mm Hg and a PaCO2 of {paco2} mm Hg; the partial pressure of inspired oxygen is 150 mm Hg and the respiratory quotient is 0.8.")],
        ("alveolar-arterial oxygen gradient", "mm Hg", 0), gradient, [150.0 - paco2 - oxygen, 150.0 - oxygen, gradient + expected],
    )
    .classes([
        (10.0, "narrow", "is narrow and leaves hypoventilation as the explanation"), (25.0, "nearly normal", "is within what is seen at this age or close to it"),
        (45.0, "wide", "is too wide, as with mismatch of ventilation and perfusion"), (MORE, "very wide", "is far too wide, as with a shunt"),
    ])
    .taking(&["oxygen"])
}

fn sodium_excretion(rng: &mut Rng, _: &Subject) -> Case {
    let (una, pna, ucr, pcr) = (whole(rng, 8, 70), whole(rng, 130, 146), whole(rng, 25, 140), tenths(rng, 16, 48));
    let fraction = 100.0 * una * pcr / (pna * ucr);
    personal(
        vec![format!("Urine sodium is {una} mEq/L, plasma sodium is {pna} mEq/L, urine creatinine is {ucr} mg/dL, and plasma creatinine is {pcr:.1} mg/dL.")],
        ("fractional excretion of sodium", "%", 1), fraction, [100.0 * una / pna, fraction * 2.6, fraction / 2.2],
    )
    .classes([
        (1.0, "prerenal", "is typical of too little blood flow to the kidneys"), (2.0, "indeterminate", "does not decide between the causes"),
        (4.0, "intrinsic", "is typical of damage to the tubules"), (MORE, "strongly intrinsic", "is typical of severe damage to the tubules"),
    ])
    .taking(&["creatinine", "electrolytes"])
}

fn osmolal_gap(rng: &mut Rng, _: &Subject) -> Case {
    let (na, glucose, bun) = (whole(rng, 130, 148), 18.0 * whole(rng, 4, 12), 14.0 * whole(rng, 1, 4));
    let gap = whole(rng, 2, 48);
    let measured = 2.0 * na + glucose / 18.0 + bun / 2.8 + gap;
    personal(
        vec![format!("Serum sodium is {na} mEq/L, glucose is {glucose} mg/dL, urea nitrogen is {bun} mg/dL, and the measured serum osmolality is {measured:.0} mOsm/kg.")],
        ("osmolal gap", "mOsm/kg", 0), gap, [gap + bun / 2.8, gap + glucose / 18.0 + bun / 2.8, gap + 14.0],
    )
    .classes([
        (10.0, "normal", "is normal and makes a toxic alcohol unlikely"), (20.0, "slightly elevated", "is slightly elevated, as after a small amount of ethanol"),
        (30.0, "elevated", "is elevated and makes an ingested alcohol likely"), (MORE, "highly elevated", "is highly elevated, as after methanol or ethylene glycol"),
    ])
    .taking(&["electrolytes", "glucose"])
}

fn corrected_sodium(rng: &mut Rng, _: &Subject) -> Case {
    let (na, glucose) = (whole(rng, 116, 138), 100.0 * whole(rng, 3, 10));
    let by = 1.6 * (glucose - 100.0) / 100.0;
    personal(
        vec![format!("Serum sodium is {na} mEq/L and serum glucose is {glucose} mg/dL; sodium falls by 1.6 mEq/L for every 100 mg/dL of glucose above 100 mg/dL.")],
        ("glucose-corrected sodium", "mEq/L", 0), na + by, [na - by, na + glucose / 100.0 * 2.9, na + by / 2.0 + 14.0],
    )
    .classes([
        (130.0, "markedly low", "is low even without the effect of glucose"), (135.0, "slightly low", "is slightly low even without the effect of glucose"),
        (146.0, "normal", "is normal, so that glucose alone explains the measured value"), (MORE, "elevated", "is elevated and shows how much water has been lost"),
    ])
    .taking(&["electrolytes", "glucose"])
}

fn ldl(rng: &mut Rng, _: &Subject) -> Case {
    let (total, hdl, triglycerides) = (whole(rng, 150, 310), whole(rng, 28, 70), 5.0 * whole(rng, 16, 60));
    let right = total - hdl - triglycerides / 5.0;
    personal(
        vec![format!("A fasting lipid panel shows total cholesterol {total} mg/dL, HDL cholesterol {hdl} mg/dL, and triglycerides {triglycerides} mg/dL.")],
        ("LDL cholesterol by the Friedewald equation", "mg/dL", 0), right, [total - hdl, total - triglycerides / 5.0, total - hdl - triglycerides / 2.2],
    )
    .classes([
        (100.0, "optimal", "is optimal and needs no drug"), (130.0, "near optimal", "is close to what is desired"),
        (190.0, "elevated", "is too high, so that a statin should be discussed"), (MORE, "very high", "is so high that a statin is needed at any age"),
    ])
}

fn corrected_qt(rng: &mut Rng, _: &Subject) -> Case {
    let (qt, rate) = (whole(rng, 33, 48) * 10.0, rng.pick(&[50.0, 60.0, 75.0, 80.0, 96.0, 100.0, 110.0, 120.0]));
    let rr: f64 = 60.0 / rate;
    let right = qt / rr.sqrt();
    personal(
        vec![format!("An electrocardiogram shows sinus rhythm at {rate}/min with a QT interval of {qt} ms.")],
        ("QT interval corrected by the Bazett formula", "ms", 0),
        right,
        [qt * rr.sqrt(), qt / rr, qt],
    )
    .classes([
        (350.0, "short", "is unusually short"),
        (450.0, "normal", "is normal and allows drugs that act on repolarization"),
        (500.0, "prolonged", "is prolonged, so that the list of drugs should be reviewed"),
        (MORE, "markedly prolonged", "is so long that torsades de pointes may occur"),
    ])
    .taking(&["pulse", "ecg"])
}

fn maintenance_fluids(rng: &mut Rng, _: &Subject) -> Case {
    let kg = whole(rng, 22, 95);
    let right = 40.0 + 20.0 + (kg - 20.0);
    personal(
        vec![format!("Weight is {kg} kg, and nothing may be taken by mouth until tomorrow.")],
        ("hourly maintenance fluid by the 4-2-1 rule", "mL/h", 0),
        right,
        [4.0 * kg, 2.0 * kg, kg + 90.0],
    )
    .classes([
        (70.0, "small", "is what a small body needs"),
        (100.0, "medium", "is what a body of medium size needs"),
        (125.0, "large", "is what a large body needs"),
        (MORE, "very large", "is more than is given without a special reason"),
    ])
    .taking(&["weight"])
}

fn ejection_fraction(rng: &mut Rng, _: &Subject) -> Case {
    let edv = whole(rng, 90, 220);
    let esv = (edv * whole(rng, 28, 78) / 100.0).round();
    let right = 100.0 * (edv - esv) / edv;
    personal(
        vec![format!("Echocardiography shows a left ventricular end-diastolic volume of {edv} mL and an end-systolic volume of {esv} mL.")],
        ("left ventricular ejection fraction", "%", 0), right, [100.0 * esv / edv, right + 16.0, (right - 12.0).abs()],
    )
    .classes([
        (30.0, "severely reduced", "is severely reduced, so that a defibrillator should be considered"), (41.0, "reduced", "is reduced, as in systolic heart failure"),
        (50.0, "mildly reduced", "is mildly reduced"), (MORE, "preserved", "is preserved, so that systolic failure does not explain the complaints"),
    ])
}

fn cardiac_output(rng: &mut Rng, _: &Subject) -> Case {
    let (consumption, arterial, venous) = (10.0 * whole(rng, 18, 30), whole(rng, 16, 20), whole(rng, 10, 14));
    let right = consumption / (10.0 * (arterial - venous));
    personal(
        vec![format!("At catheterization, oxygen consumption is {consumption} mL/min, arterial oxygen content is {arterial} mL/dL, and mixed venous oxygen content is {venous} mL/dL.")],
        ("cardiac output by the Fick principle", "L/min", 1), right, [consumption / (10.0 * venous), right * 1.5, right * 0.66],
    )
    .classes([
        (3.0, "very low", "is very low, as in cardiogenic shock"), (4.0, "low", "is lower than the body needs at rest"),
        (8.0, "normal", "is normal at rest"), (MORE, "high", "is higher than normal, as in sepsis or with a fistula"),
    ])
    .taking(&["oxygen"])
}

fn expected_pco2(rng: &mut Rng, _: &Subject) -> Case {
    let hco3 = 2.0 * whole(rng, 3, 10);
    let right = 1.5 * hco3 + 8.0;
    personal(
        vec![format!("Arterial blood gas analysis shows a metabolic acidosis with a pH of 7.{} and a bicarbonate of {hco3} mEq/L.", rng.range(10, 31))],
        ("arterial PCO2 that adequate respiratory compensation would give by the Winter formula", "mm Hg", 0), right, [40.0, hco3 + 3.0, 1.5 * hco3 + 20.0],
    )
    .classes([
        (20.0, "very low", "needs deep and fast breathing to be reached"), (28.0, "low", "is reached by clearly faster breathing"),
        (36.0, "slightly low", "is reached by slightly faster breathing"), (MORE, "not lowered", "is what would be found without any compensation"),
    ])
    .taking(&["oxygen", "breathing", "electrolytes"])
}

fn pack_years(rng: &mut Rng, subject: &Subject) -> Case {
    let (daily, years) = (5.0 * whole(rng, 1, 8), whole(rng, 4, (subject.age - 16).clamp(6, 45)));
    let right = daily / 20.0 * years;
    personal(
        vec![format!(
            "{} has smoked {daily} cigarettes daily for {years} years; a pack contains 20 cigarettes.",
            subject.he()
        )],
        ("cumulative tobacco exposure", "pack-years", 1),
        right,
        [daily / 10.0 * years, years, daily * years / 15.0],
    )
    .classes([
        (10.0, "light", "is light exposure"),
        (20.0, "moderate", "is moderate exposure"),
        (30.0, "heavy", "is heavy exposure, so that lung function should be measured"),
        (MORE, "very heavy", "is very heavy exposure, so that the lungs should be screened"),
    ])
    .taking(&["smoking"])
}

fn burn_fluids(rng: &mut Rng, _: &Subject) -> Case {
    let (kg, burned) = (whole(rng, 45, 100), whole(rng, 15, 55));
    let total = 4.0 * kg * burned / 1000.0;
    personal(
        vec![format!(
            "Partial-thickness and full-thickness burns cover {burned}% of the body surface, and weight is {kg} kg."
        )],
        ("volume to be given in the first 8 hours by the Parkland formula", "L", 1),
        total / 2.0,
        [total, total / 3.0, total / 4.0],
    )
    .classes([
        (3.0, "modest", "is a modest volume"),
        (5.0, "considerable", "is a considerable volume, which calls for a urinary catheter"),
        (8.0, "large", "is a large volume, which calls for hourly checks of urine output"),
        (MORE, "very large", "is a very large volume, with edema as its price"),
    ])
    .taking(&["weight", "skin", "history"])
}

fn infusion_rate(rng: &mut Rng, _: &Subject) -> Case {
    let (kg, dose, strength) = (whole(rng, 48, 110), 5.0 * whole(rng, 1, 3), rng.pick(&[800.0, 1600.0, 3200.0]));
    let right = dose * kg * 60.0 / strength;
    personal(
        vec![format!(
            "Dopamine is started at {dose} mcg/kg/min; weight is {kg} kg, and the solution contains {strength} mcg/mL."
        )],
        ("rate at which the infusion pump should be set", "mL/h", 0),
        right,
        [dose * kg / strength * 24.0, right * 2.0, right / 2.0],
    )
    .classes([
        (15.0, "slow", "is a slow rate"),
        (40.0, "moderate", "is a moderate rate"),
        (80.0, "fast", "is a fast rate, so that the bag has to be changed often"),
        (MORE, "very fast", "is so fast that a stronger solution is preferable"),
    ])
    .taking(&["weight"])
}

fn neutrophils(rng: &mut Rng, _: &Subject) -> Case {
    let (total, segmented, bands) = (100.0 * whole(rng, 8, 70), whole(rng, 8, 60), whole(rng, 1, 12));
    let right = total * (segmented + bands) / 100.0;
    personal(
        vec![format!("Leukocyte count is {total}/mm3 with {segmented}% segmented neutrophils, {bands}% band forms, and {}% lymphocytes.", 100.0 - segmented - bands - 6.0)],
        ("absolute neutrophil count", "cells/mm3", 0), right, [total * segmented / 100.0, total * bands / 100.0, total * (94.0 - segmented - bands) / 100.0],
    )
    .classes([
        (500.0, "severe neutropenia", "is so low that fever would be an emergency"), (1000.0, "moderate neutropenia", "is low enough to watch for infections"),
        (1500.0, "mild neutropenia", "is slightly low"), (MORE, "normal", "is sufficient to fight the usual infections"),
    ])
    .taking(&["leukocytes"])
}

fn transferrin_saturation(rng: &mut Rng, _: &Subject) -> Case {
    let (iron, capacity) = (whole(rng, 18, 190), 10.0 * whole(rng, 21, 48));
    let right = 100.0 * iron / capacity;
    personal(
        vec![format!("Serum iron is {iron} mcg/dL and total iron-binding capacity is {capacity} mcg/dL.")],
        ("transferrin saturation", "%", 0),
        right,
        [100.0 * iron / (iron + capacity), 100.0 - right, right * 1.6],
    )
    .classes([
        (16.0, "iron deficiency", "is typical of iron deficiency"),
        (20.0, "borderline", "neither proves nor excludes iron deficiency"),
        (45.0, "normal", "is normal"),
        (MORE, "iron overload", "makes iron overload likely"),
    ])
    .taking(&["hemoglobin"])
}

fn coma_scale(rng: &mut Rng, subject: &Subject) -> Case {
    const EYES: [&str; 4] =
        ["do not open at all", "open to a painful pinch only", "open when the name is called", "are open"];
    const WORDS: [&str; 5] = [
        "there is no speech at all",
        "there are only moans",
        "single words are spoken that make no sense",
        "the answers are confused",
        "the answers are correct in every respect",
    ];
    const LIMBS: [&str; 6] = [
        "there is no movement of the limbs",
        "pain leads to extension of the limbs",
        "pain leads to abnormal flexion of the arms",
        "the limbs are withdrawn from pain",
        "the hand moves towards the place of the pain",
        "commands are followed",
    ];
    let [e, v, m] = [rng.below(4), rng.below(5), rng.below(6)];
    let right = (e + v + m + 3) as f64;
    // The scale goes from 3 to 15.
    let wrong = match e + v + m + 3 {
        ..7 => [right + 2.0, right + 4.0, right + 7.0],
        7..12 => [right + 2.0, right - 3.0, right + 4.0],
        _ => [right - 2.0, right - 4.0, right - 7.0],
    };
    personal(
        vec![
            format!("The eyes {}; {}; and {}.", EYES[e], WORDS[v], LIMBS[m]),
            format!("{} was found beside a ladder.", subject.he()),
        ],
        ("score on the Glasgow Coma Scale", "points", 0),
        right,
        wrong,
    )
    .classes([
        (6.0, "deep coma", "means deep coma, so that the airway has to be secured at once"),
        (9.0, "severe injury", "means severe injury, so that the airway has to be secured"),
        (13.0, "moderate injury", "means moderate injury and close observation"),
        (MORE, "mild injury", "means mild injury"),
    ])
    .taking(&["neuro", "history", "mood", "speech"])
}

fn loading_dose(rng: &mut Rng, _: &Subject) -> Case {
    let (kg, volume, target) = (whole(rng, 45, 100), tenths(rng, 4, 20), whole(rng, 5, 20));
    let right = volume * kg * target;
    personal(
        vec![format!("A drug is to be given intravenously; its volume of distribution is {volume:.1} L/kg, the target plasma concentration is {target} mg/L, and weight is {kg} kg.")],
        ("loading dose", "mg", 0), right, [kg * target, right * 0.693, right / 2.0],
    )
    .classes([
        (300.0, "small", "fits into a single small syringe"), (700.0, "medium", "can be given over a few minutes"),
        (1200.0, "large", "should be given over half an hour"), (MORE, "very large", "should be divided into several infusions"),
    ])
    .taking(&["weight"])
}

fn alveolar_ventilation(rng: &mut Rng, _: &Subject) -> Case {
    let (tidal, rate) = (10.0 * whole(rng, 35, 60), whole(rng, 10, 24));
    let dead = 10.0 * whole(rng, 12, 20);
    let right = (tidal - dead) * rate / 1000.0;
    personal(
        vec![format!("On mechanical ventilation the tidal volume is {tidal} mL, the respiratory rate is {rate}/min, and the physiologic dead space is {dead} mL.")],
        ("alveolar ventilation", "L/min", 1), right, [tidal * rate / 1000.0, dead * rate / 1000.0, (tidal + dead) * rate / 1000.0],
    )
    .classes([
        (3.0, "too low", "is too low to remove the carbon dioxide"), (6.0, "normal", "is what a resting body needs"),
        (8.0, "raised", "is more than a resting body needs"), (MORE, "excessive", "will lead to respiratory alkalosis"),
    ])
    .taking(&["breathing", "oxygen", "mood", "speech"])
}
