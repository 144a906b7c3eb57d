import { ReleaseError } from "../lib/errors.ts";
import type { Manifest } from "./manifest.ts";
import type { Item, Phase, Pointer, TargetName } from "./target.ts";
import { phases } from "./target.ts";
import { keyOf, pointerKey, type World } from "./world.ts";

/** One thing that apply does. A plan is a list of these; apply does nothing else. */
export type Step =
  | { do: "publish"; phase: Phase; item: Item }
  /** accepted, but can't be had yet */
  | { do: "await"; phase: Phase; item: Item }
  /** what is staged becomes public */
  | { do: "promote"; target: TargetName }
  | { do: "verify"; item: Item }
  | { do: "point"; pointer: Pointer; from: string | null };

/**
 * What is missing between a manifest and the world, in the order of the release's steps. Pure.
 *
 * An item that is there with the same digest makes no step but its verification; pointers are always listed last and
 * apply never moves one to a lower version.
 *
 * @throws ReleaseError CONFLICT, with all conflicts as findings, when a registry holds other bytes under a name.
 * @see two-tier.md, "One release, step by step"
 */
export function diff(release: Pick<Manifest, "items" | "pointers" | "version">, world: World): Step[] {
  const conflicts: ReleaseError[] = [];
  const steps: Step[] = [];
  const promote = new Set<TargetName>();
  for (const phase of phases) {
    for (const item of release.items.filter((one) => one.phase === phase)) {
      const seen = world.items.get(keyOf(item));
      if (!seen) throw new ReleaseError("INTERNAL", `${keyOf(item)} was not observed`);
      const error = conflict(item, seen.state === "absent" ? undefined : seen.digest);
      if (error) conflicts.push(error);
      else if (seen.state === "absent") steps.push({ do: "publish", phase, item });
      else if (seen.state === "pending") steps.push({ do: "await", phase, item });
      else if (seen.state === "retracted") conflicts.push(retracted(item, seen.note));
      if (phase === "stage" && item.target === "github" && seen.state !== "present") promote.add(item.target);
    }
  }
  if (conflicts.length === 1) throw conflicts[0];
  if (conflicts.length > 1) {
    throw new ReleaseError("CONFLICT", `${conflicts.length} names are taken by other contents`, {
      findings: conflicts,
    });
  }
  for (const target of promote) steps.push({ do: "promote", target });
  for (const item of release.items) steps.push({ do: "verify", item });
  for (const pointer of release.pointers) {
    const from = world.pointers.get(pointerKey(pointer)) ?? null;
    if (from !== pointer.version) steps.push({ do: "point", pointer, from });
  }
  return steps;
}

/** The error when an item's bytes aren't the expected ones. */
export function conflict(item: Item, found: string | undefined): ReleaseError | undefined {
  if (found === undefined || found === item.digest) return undefined;
  return new ReleaseError("CONFLICT", `${item.target} already holds ${item.id} with other contents`, {
    facts: { expected: item.digest, found },
    hint: "a version is never overwritten: find out who published it, then release the next number (`twotier plan` shows it)",
  });
}

function retracted(item: Item, note: string | undefined): ReleaseError {
  return new ReleaseError("CONFLICT", `${item.target} took back ${item.id}${note ? `: ${note}` : ""}`, {
    hint: "a version that was taken back is never published again: release the next number (`twotier plan` shows it)",
  });
}
