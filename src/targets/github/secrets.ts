import type { Io, Remark, Surroundings } from "../../core/target.ts";
import type { Api } from "./api.ts";
import { readOrNull } from "./visible.ts";

interface Secrets {
  secrets?: { name?: unknown }[];
}

/**
 * Secrets that workflows name and that are nowhere: not the repository's, nor shared by its organisation, nor an
 * environment's. Nothing is said unless the token may list all three (docs.github.com/rest/actions/secrets); values
 * can't be read by anybody.
 */
export async function missingSecrets(api: Api, { secrets }: Surroundings, io: Io): Promise<Remark[]> {
  const wanted = secrets.filter((name) => name !== "GITHUB_TOKEN");
  if (wanted.length === 0) return [];
  const list = (path: string) => readOrNull<Secrets>(api, `${path}?per_page=100`, io);
  const [own, shared, environments] = await Promise.all([
    list("/actions/secrets"),
    list("/actions/organization-secrets"),
    readOrNull<{ environments?: { name?: unknown }[] }>(api, "/environments?per_page=100", io),
  ]);
  if (own === null || shared === null || environments === null) return [];
  const names = (environments.environments ?? []).flatMap(({ name }) => (typeof name === "string" ? [name] : []));
  const inside = await Promise.all(names.map((name) => list(`/environments/${encodeURIComponent(name)}/secrets`)));
  if (inside.includes(null)) return [];
  const there = new Set([own, shared, ...inside].flatMap((one) => one?.secrets?.map(({ name }) => name) ?? []));
  const missing = wanted.filter((name) => !there.has(name));
  if (missing.length === 0) return [];
  return [
    {
      level: "error",
      code: "secret-missing",
      message: `workflows name ${missing.join(", ")}, and the repository has no such secret`,
      hint: `set ${missing.length > 1 ? "each" : "it"}: gh secret set ${missing[0]} --repo ${api.options.repository}`,
    },
  ];
}
