//! Generic functions, closures and trait methods: Rust for symbol/ to name.
use std::collections::BTreeMap;

trait Priced {
    fn price(&self) -> u64;
}

struct Item {
    name: String,
    cents: u64,
}

impl Priced for Item {
    fn price(&self) -> u64 {
        self.cents * self.name.len() as u64
    }
}

#[inline(never)]
fn total<T: Priced>(items: &[T]) -> u64 {
    items.iter().map(|item| item.price()).sum()
}

#[inline(never)]
fn count(words: &[&str]) -> BTreeMap<String, usize> {
    let mut seen = BTreeMap::new();
    for word in words {
        *seen.entry(word.to_string()).or_insert(0) += 1;
    }
    seen
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let words: Vec<&str> = arguments.iter().map(|one| one.as_str()).collect();
    let items: Vec<Item> = count(&words)
        .into_iter()
        .map(|(name, times)| Item { name, cents: times as u64 })
        .collect();
    std::process::exit((total(&items) == 0) as i32);
}
