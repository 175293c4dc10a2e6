//! What scripts of Azure ML's SDK v1 were written for: packages of the years up to 2022. They use
//! names such as `np.float`, which newer packages do not have any more.

use super::interpreters::Minor;

/// The last versions in which old scripts work, and which have wheels for Python 3.8 to 3.11.
const CONSTRAINTS: [&str; 8] = [
    "numpy<1.24",
    "pandas<2",
    "scikit-learn<1.3",
    "matplotlib<3.8",
    "scipy<1.12",
    "pyarrow<16",
    "joblib<1.4",
    "mlflow<3",
];

/// The newest Python for which these have wheels.
pub const NEWEST: Minor = Minor(3, 11);

/// The constraints for packages that the specification itself does not pin; `pinned` are names in
/// pip's normal form.
pub fn constraints(pinned: &[String]) -> Vec<String> {
    let name = |constraint: &str| constraint.split('<').next().unwrap_or_default().to_owned();
    let of_others = CONSTRAINTS.iter().filter(|constraint| !pinned.contains(&name(constraint)));
    of_others.map(|constraint| (*constraint).to_owned()).collect()
}
