import type { Promotion } from "./types.ts";

/** Everything in a comparison that nothing explains, in sentences. Pure. */
export function unexplainedOf(promotion: Pick<Promotion, "candidate" | "registries" | "rebuilt" | "tree" | "files">) {
  const { candidate, registries, rebuilt, tree, files } = promotion;
  const sentences: string[] = [];
  for (const { target, id, state, same, found } of registries) {
    if (same) continue;
    const how =
      state === "present"
        ? found === null
          ? "doesn't say its digest"
          : "holds other contents under that name"
        : state === "pending"
          ? "doesn't hand it out yet"
          : state === "absent"
            ? "doesn't hold it any more"
            : `holds it as ${state}`;
    sentences.push(`${target}: ${id} of ${candidate.tag}: the registry ${how}`);
  }
  for (const { name, reproduced, rebuilt: again, tested, differences } of rebuilt) {
    if (reproduced) continue;
    if (again === null) sentences.push(`${candidate.tag} has ${name}; built again here, it hasn't`);
    else if (tested === null) sentences.push(`${candidate.tag} has no ${name}; built again here, it has`);
    else {
      const parts = differences.slice(0, 3).map(({ entry, note }) => (entry === "" ? note : `${entry}: ${note}`));
      const more = differences.length > 3 ? `; ${differences.length - 3} more` : "";
      sentences.push(
        `${name} of ${candidate.tag}, built again here, isn't what was tested: ${parts.join("; ")}${more}`,
      );
    }
  }
  for (const { entry, verdict, note } of tree) {
    if (verdict === "differs") sentences.push(`${entry} in the two release commits: ${note}`);
  }
  for (const { name, differences } of files) {
    for (const { entry, verdict, note } of differences) {
      if (verdict === "differs") sentences.push(`${name}${entry === "" ? "" : `, ${entry}`}: ${note}`);
    }
  }
  return sentences;
}
