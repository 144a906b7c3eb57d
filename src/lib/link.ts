/**
 * The addresses of a `Link` header by their relation (RFC 8288, section 3), read in one pass however it is made: of two
 * with one relation the first. Servers write `<ADDRESS>; rel="next", <ADDRESS>; rel=last`.
 */
export function linksOf(header: string | undefined): Map<string, string> {
  const links = new Map<string, string>();
  const text = header ?? "";
  for (let at = text.indexOf("<"); at >= 0; ) {
    const end = text.indexOf(">", at);
    if (end < 0) break;
    // Addresses may hold commas, parameters in quotes too; none of ours holds `<`.
    const next = text.indexOf("<", end);
    const parameters = text.slice(end + 1, next < 0 ? text.length : next);
    const relation = /;\s*rel\s*=\s*"?([^";,]*)/i.exec(parameters)?.[1] ?? "";
    for (const one of relation.trim().toLowerCase().split(/\s+/)) {
      if (one !== "" && !links.has(one)) links.set(one, text.slice(at + 1, end));
    }
    at = next;
  }
  return links;
}
