//! The functions that take most of the fit's time, and the linear algebra of its last steps. They give the same bits on
//! every machine.

pub(super) use crate::number::function::{exp, ln, logistic, normal_nodes, reported, square};

/// The Cholesky factor L of a symmetric positive definite matrix M = L·L'.
#[derive(Clone, Debug)]
pub(super) struct Cholesky {
    n: usize,
    lower: Vec<f64>,
}

impl Cholesky {
    /// Factors an n × n matrix that is stored row by row; `None` if it is not positive definite.
    pub fn of(matrix: &[f64], n: usize) -> Option<Self> {
        let mut lower = matrix.to_vec();
        for i in 0..n {
            let (above, row) = lower.split_at_mut(i * n);
            for j in 0..i {
                let other = &above[j * n..];
                let dot: f64 = (0..j).map(|k| row[k] * other[k]).sum();
                row[j] = (row[j] - dot) / other[j];
            }
            let rest = row[i] - row[..i].iter().map(|x| x * x).sum::<f64>();
            if rest.is_nan() || rest <= 0.0 {
                return None;
            }
            row[i] = rest.sqrt();
        }
        Some(Self { n, lower })
    }

    /// The number of rows of the matrix.
    pub fn size(&self) -> usize {
        self.n
    }

    /// L⁻¹·v, whose squared length is v'·M⁻¹·v.
    pub fn forward(&self, v: &[f64]) -> Vec<f64> {
        let mut out = v.to_vec();
        for i in 0..self.n {
            let row = &self.lower[i * self.n..];
            let dot: f64 = (0..i).map(|k| row[k] * out[k]).sum();
            out[i] = (out[i] - dot) / row[i];
        }
        out
    }

    /// The factor of the identity matrix.
    pub fn diagonal(n: usize) -> Self {
        let mut lower = vec![0.0; n * n];
        (0..n).for_each(|i| lower[i * n + i] = 1.0);
        Self { n, lower }
    }

    /// M⁻¹·v.
    pub fn solve(&self, v: &[f64]) -> Vec<f64> {
        let mut out = self.forward(v);
        for i in (0..self.n).rev() {
            let dot: f64 = (i + 1..self.n).map(|k| self.lower[k * self.n + i] * out[k]).sum();
            out[i] = (out[i] - dot) / self.lower[i * self.n + i];
        }
        out
    }
}

/// The factor of a symmetric matrix given by its lower triangle. If the matrix is not positive definite, a small multiple of
/// the identity is added until it is: far from the maximum, the information is only an estimate.
pub(super) fn factored(lower: &[f64], n: usize) -> Cholesky {
    let mut matrix = lower.to_vec();
    let largest = (0..n).fold(1e-9_f64, |largest, i| largest.max(matrix[i * n + i].abs()));
    let mut added = 0.0;
    loop {
        if let Some(cholesky) = Cholesky::of(&matrix, n) {
            return cholesky;
        }
        let more = if added == 0.0 { largest * 1e-8 } else { added * 9.0 };
        (0..n).for_each(|i| matrix[i * n + i] += more);
        added += more;
        if !added.is_finite() {
            return Cholesky::diagonal(n);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factored_matrix_solves_its_linear_system() {
        let matrix = [4.0, 2.0, 0.5, 2.0, 3.0, 1.0, 0.5, 1.0, 2.0];
        let solved = Cholesky::of(&matrix, 3).unwrap().solve(&[1.0, 2.0, 3.0]);
        for (row, right) in matrix.chunks(3).zip([1.0, 2.0, 3.0]) {
            let left: f64 = row.iter().zip(&solved).map(|(a, x)| a * x).sum();
            assert!((left - right).abs() < 1e-14);
        }
        assert!(Cholesky::of(&[1.0, 2.0, 2.0, 1.0], 2).is_none());
    }
}
