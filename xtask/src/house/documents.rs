//! Every page can be found, every link leads somewhere, and the changelog is ready for the next line.

use super::{Finding, House};

/// A page that is not linked, a link that leads nowhere, a changelog without its section.
pub(super) fn inspect(house: &House) -> Vec<Finding> {
    let mut findings = unlinked_pages(house);
    findings.extend(broken_links(house));
    findings.extend(changelog(house));
    findings
}

fn unlinked_pages(house: &House) -> Vec<Finding> {
    let readme = house.text_of("README.md").unwrap_or_default();
    let pages =
        house.texts().map(|(path, _)| path).filter(|path| path.starts_with("docs/") && path.ends_with(".md"));
    let unlinked = pages.filter(|page| !links(readme).any(|link| link == *page));
    unlinked.map(|page| Finding::new(page, "README.md does not link to it: nobody will find it")).collect()
}

fn broken_links(house: &House) -> Vec<Finding> {
    let lines = house.lines(|path| path.ends_with(".md"));
    lines.flat_map(|(place, line)| broken_in(house, &place, line)).collect()
}

fn broken_in(house: &House, place: &str, line: &str) -> Vec<Finding> {
    let folder = place.rsplit_once('/').map_or("", |(folder, _)| folder);
    let local = links(line).filter(|link| !link.is_empty() && !link.contains(':'));
    let broken = local.filter(|link| !exists(house, &joined(folder, link)));
    broken.map(|link| Finding::new(place, format!("the link to {link} leads nowhere"))).collect()
}

/// The targets of the Markdown links in a text, without what follows `#`.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(link, _)| link.split_once('#').map_or(link, |(page, _)| page))
}

/// A path relative to a folder, with `.` and `..` taken.
fn joined(folder: &str, link: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in link.split('/').filter(|part| !part.is_empty() && *part != ".") {
        match part {
            ".." => parts.truncate(parts.len().saturating_sub(1)),
            name => parts.push(name),
        }
    }
    parts.join("/")
}

/// Whether there is such a file, or a folder with files in it.
fn exists(house: &House, path: &str) -> bool {
    house
        .files
        .iter()
        .any(|file| file.path.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

fn changelog(house: &House) -> Option<Finding> {
    let text = house.text_of("CHANGELOG.md").unwrap_or_default();
    let ready = text.lines().any(|line| line.trim() == "## [Unreleased]");
    (!ready).then(|| Finding::new("CHANGELOG.md", "it has no section `## [Unreleased]`"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::places_found;
    use super::*;

    const CHANGES: (&str, &str) = ("CHANGELOG.md", "# Changelog\n\n## [Unreleased]\n");

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        places_found(inspect, &House::of_files(files))
    }

    #[test]
    fn a_page_that_readme_does_not_link_is_found() {
        assert_eq!(found(&[CHANGES, ("docs/a.md", ""), ("README.md", "docs/a.md is good")]), ["docs/a.md"]);
        assert!(found(&[CHANGES, ("docs/a.md", ""), ("README.md", "[read](docs/a.md#top)")]).is_empty());
    }

    #[test]
    fn a_link_that_leads_nowhere_is_found() {
        let readme =
            ("README.md", "[a](docs/a.md)\n[gone](docs/gone.md) [web](https://example.org) [here](#part)");
        let page = ("docs/a.md", "[up](../README.md) [out](../../x) [folder](../docs/)");
        assert_eq!(found(&[CHANGES, readme, page]), ["README.md:2", "docs/a.md:1"]);
    }

    #[test]
    fn a_changelog_without_its_section_is_found() {
        assert_eq!(found(&[]), ["CHANGELOG.md"]);
        assert_eq!(found(&[("CHANGELOG.md", "## [1.0.0]")]), ["CHANGELOG.md"]);
    }
}
