//! One line per case: the filter, and its one spelling or the refusal.

mod fuzz;
mod lazuli;
mod mlflow;
mod refused;

use expect_test::{Expect, expect};

use super::*;

/// 2026-11-25T10:00:00Z
const NOW: i64 = 1_795_600_800_000;

fn check(filter: &str, expect: Expect) {
    check_of(Entity::Run, filter, expect);
}

/// Shows the filter's own spelling, having checked that it means the same.
fn check_of(entity: Entity, filter: &str, expect: Expect) {
    let shown = match parse_filter(entity, filter, NOW) {
        Ok(None) => "everything".to_owned(),
        Ok(Some(tree)) => {
            let shown = tree.to_string();
            assert_eq!(parse_filter(entity, &shown, NOW), Ok(Some(tree)), "{shown}");
            shown
        }
        Err(error) => error.to_string(),
    };
    expect.assert_eq(&shown);
}

fn check_order(entity: Entity, items: &[&str], expect: Expect) {
    let shown = match parse_order_by(entity, items) {
        Ok(order) => {
            let shown: Vec<String> = order.iter().map(OrderBy::to_string).collect();
            let shown = shown.join(", ");
            assert_eq!(parse_order_by(entity, &[&shown]), Ok(order), "{shown}");
            shown
        }
        Err(error) => error.to_string(),
    };
    expect.assert_eq(&shown);
}

#[test]
fn the_tree_of_a_filter() {
    let tree = parse_filter(
        Entity::Run,
        "not (metrics.a > 1 or tags.b = 'x') and status = 'FINISHED'",
        NOW,
    );
    expect![[r#"
        And(
            [
                Not(
                    Or(
                        [
                            Compare(
                                Comparison {
                                    field: Metric {
                                        name: "a",
                                        of: Latest,
                                    },
                                    test: Gt(
                                        Number(
                                            1.0,
                                        ),
                                    ),
                                },
                            ),
                            Compare(
                                Comparison {
                                    field: Tag(
                                        "b",
                                    ),
                                    test: Eq(
                                        Text(
                                            "x",
                                        ),
                                    ),
                                },
                            ),
                        ],
                    ),
                ),
                Compare(
                    Comparison {
                        field: Attribute(
                            Status,
                        ),
                        test: Eq(
                            Text(
                                "Completed",
                            ),
                        ),
                    },
                ),
            ],
        )
    "#]]
    .assert_debug_eq(&tree.unwrap().unwrap());
}

#[test]
fn a_tree_travels_as_json() {
    let filter = "min(metrics.loss) < 1e-300 and created >= '-7d' or datasets.name in ('a', 'b')";
    let tree = parse_filter(Entity::Run, filter, NOW).unwrap().unwrap();
    let json = serde_json::to_string(&tree).unwrap();
    assert_eq!(serde_json::from_str::<Filter>(&json).unwrap(), tree);
}

#[test]
fn every_attribute_is_known_by_its_own_name() {
    for entity in Entity::ALL {
        for row in entity.attributes() {
            let own = entity.attribute(row.attribute.as_str(), false);
            assert_eq!(own.map(|own| own.attribute), Some(row.attribute), "{entity:?}");
            for name in row.names {
                let found = entity.attributes().iter().filter(|row| row.names.contains(name));
                assert_eq!(found.count(), 1, "{entity:?} {name}");
            }
        }
    }
}
