//! Whatever comes in, an answer comes out: never a panic, and never a tree that its own spelling
//! does not lead back to. The generator always begins with the same number, so a failure repeats.

use super::*;

/// Steele and Vigna's SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

const PIECES: [&str; 56] = [
    "metrics.a",
    "metrics.`b c`",
    "params.\"x\"",
    "tags.mlflow.user",
    "datasets.name",
    "status",
    "name",
    "created",
    "duration",
    "version_number",
    "run_id",
    "properties.p",
    "min(",
    "count(",
    "nope",
    "=",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "like",
    "ILIKE",
    "in",
    "not",
    "is",
    "null",
    "between",
    "and",
    "or",
    "AND",
    "(",
    ")",
    ",",
    ";",
    "'x'",
    "'RUNNING'",
    "'-7d'",
    "'2026-11-25'",
    "\"y\"",
    "`z`",
    "1",
    "-2.5",
    "1e5",
    "1e400",
    "'",
    "\"",
    "`",
    ".",
    "\0",
    "ü",
    "🚀",
    "desc",
    "asc",
    "\n",
    "%",
];

/// Filters that are right, to be broken.
const WHOLE: [&str; 6] = [
    "metrics.acc > 0.9 and params.\"lr\" = '0.1' and tags.`mlflow.user` LIKE 'x%'",
    "not (status in ('RUNNING', 'Queued') or min(metrics.`a b`) between -1 and 2e3)",
    "created >= '-7d' and name not like 'ü%' or ended is not null and duration < '1h'",
    "datasets.name NOT IN ('a''b', \"c\"\"d\",) AND attributes.start_time >= 1664000000000",
    "((tags.a is null)) and count(metrics.loss) != 3 and run_id in ('🚀')",
    "metrics.`x` desc, created asc, max(metrics.y/z), params.\"a b\" DESC",
];

#[test]
fn random_pieces() {
    let mut random = Random(1);
    let mut read = 0;
    for _ in 0..60_000 {
        let count = 1 + random.below(12);
        let gap = *random.one(&["", " ", " ", "  "]);
        let text: Vec<&str> = (0..count).map(|_| *random.one(&PIECES)).collect();
        read += usize::from(try_everything(&text.join(gap), &mut random));
    }
    assert!(read > 100, "only {read} of the texts were right: the test tests nothing");
}

#[test]
fn random_filters_that_are_right() {
    let mut random = Random(2);
    for _ in 0..4_000 {
        let text = right(&mut random, 5);
        let tree = parse_filter(Entity::Run, &text, NOW);
        assert!(matches!(tree, Ok(Some(_))), "{text}\n{tree:?}");
        try_everything(&text, &mut random);
    }
}

#[test]
fn every_prefix_of_a_filter() {
    let mut random = Random(3);
    for whole in WHOLE {
        for (end, _) in whole.char_indices() {
            try_everything(&whole[..end], &mut random);
            try_everything(&whole[end..], &mut random);
        }
    }
}

#[test]
fn changed_characters() {
    const CHARACTERS: [char; 16] =
        ['\'', '"', '`', '(', ')', '.', ' ', '\0', 'a', '0', '-', '=', '!', 'ß', '\u{202e}', '🚀'];
    let mut random = Random(4);
    for _ in 0..30_000 {
        let mut text: Vec<char> = random.one(&WHOLE).chars().collect();
        for _ in 0..=random.below(3) {
            let at = random.below(text.len());
            match random.below(3) {
                0 => text[at] = *random.one(&CHARACTERS),
                1 => text.insert(at, *random.one(&CHARACTERS)),
                _ => drop(text.remove(at)),
            }
        }
        try_everything(&text.into_iter().collect::<String>(), &mut random);
    }
}

/// True when the text is a filter or an order of some entity.
fn try_everything(text: &str, random: &mut Random) -> bool {
    let mut is_right = false;
    for entity in Entity::ALL {
        match parse_filter(entity, text, NOW) {
            Ok(None) => {}
            Ok(Some(tree)) => {
                is_right = true;
                let shown = tree.to_string();
                assert_eq!(parse_filter(entity, &shown, NOW), Ok(Some(tree)), "{text}\n{shown}");
            }
            Err(error) => check_error(text, &error),
        }
        match parse_order_by(entity, &[text]) {
            Ok(order) => {
                is_right |= !order.is_empty();
                let shown: Vec<String> = order.iter().map(OrderBy::to_string).collect();
                assert_eq!(parse_order_by(entity, &[shown.join(",")]), Ok(order), "{text}");
            }
            Err(error) => check_error(text, &error),
        }
        let cursor = random.below(text.len() + 2);
        let known = Known { metrics: vec!["a b".to_owned()], ..Known::default() };
        for complete in [complete_filter, complete_order_by] {
            let (start, _) = complete(entity, text, cursor, &known);
            assert!(start <= cursor && text.is_char_boundary(start), "{text} {cursor} {start}");
        }
    }
    is_right
}

fn check_error(text: &str, error: &SearchError) {
    assert!(error.position > 0 && error.position <= text.chars().count() + 1, "{text}\n{error}");
    let at_piece: String = text.chars().skip(error.position - 1).collect();
    assert!(at_piece.starts_with(&error.piece), "{text}\n{error}");
    assert!(!error.message.is_empty() && !error.message.contains('\n'), "{text}\n{error}");
    assert!(!error.message.contains('\0') && error.message.len() < 500, "{text}\n{error}");
}

fn right(random: &mut Random, depth: usize) -> String {
    let choice = if depth == 0 { 0 } else { random.below(7) };
    match choice {
        1 => format!("{} and {}", right(random, depth - 1), right(random, depth - 1)),
        2 => format!("{} OR {}", right(random, depth - 1), right(random, depth - 1)),
        3 => format!("({})", right(random, depth - 1)),
        4 => format!("not {}", right(random, depth - 1)),
        _ => comparison(random),
    }
}

fn comparison(random: &mut Random) -> String {
    const TEXTS: [&str; 6] = ["'a'", "\"b\"", "''", "'it''s'", "\"\"\"\"", "'ü%_'"];
    const NUMBERS: [&str; 7] = ["0", "-1", "+2.5", ".5", "1e300", "-0", "123456789012345678"];
    const TIMES: [&str; 5] = ["0", "-5", "1664000000000", "'-7d'", "'2026-11-25T10:00Z'"];
    const STATUS: [&str; 4] = ["'RUNNING'", "'Failed'", "'killed'", "\"SCHEDULED\""];
    let (field, values): (&str, &[&str]) = match random.below(4) {
        0 => (*random.one(&["params.a", "tags.`b c`", "name", "datasets.name", "parent"]), &TEXTS),
        1 => (*random.one(&["metrics.a-b", "max(metrics.`x`)", "duration"]), &NUMBERS),
        2 => (*random.one(&["created", "attributes.created", "ended"]), &TIMES),
        _ => ("status", &STATUS),
    };
    let is_text = random.below(2) == 0;
    let (one, two) = (*random.one(values), *random.one(values));
    let negated = *random.one(&["", "not "]);
    match random.below(5) {
        0 => format!("{field} {negated}in ({one}, {two})"),
        1 => format!("{field} is {negated}null"),
        2 if matches!(field, "status") || values[0] == "'a'" => {
            let pattern = if field == "status" { "'%i%'" } else { one };
            format!("{field} {negated}{} {pattern}", if is_text { "like" } else { "ilike" })
        }
        2 => format!("{field} {negated}between {one} and {two}"),
        3 if values.len() == 7 || values.len() == 5 => {
            format!("{field}{}{one}", random.one(&["<", "<=", ">", ">="]))
        }
        _ => format!("{field} {} {one}", random.one(&["=", "!="])),
    }
}
