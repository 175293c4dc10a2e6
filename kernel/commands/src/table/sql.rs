use clap::Args;
use clap::builder::PossibleValuesParser;

/// Ask registered datasets in SQL
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(
    after_help = "A dataset is a table: `FROM diabetes` is its newest version, `FROM diabetes@2` another one; a name with blanks stands in double quotes.\n\nExamples:\n  $sql \"SELECT count(*) FROM diabetes\"\n  $sql \"SELECT Age, avg(BMI) AS bmi FROM diabetes GROUP BY Age ORDER BY Age\" --plot line"
)]
pub struct Sql {
    /// A SELECT
    #[arg(value_name = "QUERY", required = true, allow_negative_numbers = true)]
    pub query: Vec<String>,
    #[command(flatten)]
    pub options: SqlOptions,
}

/// Ask registered datasets in SQL: the cell is a SELECT
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(
    after_help = "A dataset is a table: `FROM diabetes` is its newest version, `FROM diabetes@2` another one; a name with blanks stands in double quotes.\n\nExamples:\n  $sql\n  $sql -o ages\n  $sql --plot bar"
)]
pub struct SqlBody {
    #[command(flatten)]
    pub options: SqlOptions,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct SqlOptions {
    /// Draw the rows instead of listing them
    #[arg(long, value_name = "KIND", value_parser = PossibleValuesParser::new(["line", "bar", "scatter"]))]
    pub plot: Option<String>,
    /// The column that goes to the right in the chart; the first one when absent
    #[arg(long, value_name = "COLUMN")]
    pub x: Option<String>,
    /// A column that goes up in the chart, every one of numbers when absent; may be given several times
    #[arg(long, value_name = "COLUMN")]
    pub y: Vec<String>,
    /// At most so many rows; 50 are listed, 10,000 drawn or kept unless told
    #[arg(long, value_name = "COUNT")]
    pub limit: Option<u64>,
    /// Keep the rows in a variable of that name, a `Table`; in a cell only
    #[arg(long, short = 'o', value_name = "NAME")]
    pub output: Option<String>,
    /// Answer as comma-separated values
    #[arg(long)]
    pub csv: bool,
}
