import type { Finding, Io, Topic } from "../../core/target.ts";
import { ReleaseError } from "../../lib/errors.ts";
import { accessPage, escapeName, type NpmClient, type TokenProvider } from "./client.ts";

interface Context {
  client: NpmClient;
  packages: readonly string[];
  token: TokenProvider;
}

/** What npm takes as a new name: https://docs.npmjs.com/cli/v11/configuring-npm/package-json#name */
const nameForm = /^(?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/;

/** Asks who we are, and for each package whether it exists and may be written. Writes nothing. */
export async function preflight(context: Context, io: Io): Promise<Finding[]> {
  const { client, packages } = context;
  const findings: Finding[] = [];
  const error = (message: string, hint: string, topic: Topic = "token") =>
    findings.push({ level: "error", target: "npm", topic, message, hint });

  const user = client.keyless ? undefined : await whoAmI(context, io, error);
  await Promise.all(
    packages.map(async (name) => {
      if (name.length > 214 || !nameForm.test(name)) {
        error(
          `${name} isn't a name that npm takes`,
          "lower case, at most 214 characters, `name` or `@scope/name`",
          "name",
        );
        return;
      }
      const packument = await client.packument(name, io, { fresh: true, token: user !== null });
      const unclaimed = packument === null || (!packument.versions && packument.time?.unpublished);
      if (unclaimed && client.keyless) {
        error(
          `npm has no package ${name} yet, and a trusted publisher can't make it`,
          `take the name once with a token: NPM_TOKEN=... twotier init --claim; then add the trusted publisher at ${accessPage(name)}`,
          "unclaimed",
        );
        return;
      }
      if (unclaimed) {
        findings.push({
          level: "error",
          target: "npm",
          topic: "unclaimed",
          message: `npm has no package ${name} yet, and would make the first version published \`latest\` whatever its dist-tag`,
          hint: "add --claim to `twotier release`: it publishes a deprecated placeholder 0.0.0 first",
          remedy: "claim",
        });
        return;
      }
      if (client.keyless) return exchangeFor(context, name, io, error);
      if (typeof user === "string" && !(await mayWrite(client, name, user, io))) {
        error(`${name} belongs to others: npm's user ${user} may not publish it`, ownedHint(name), "rights");
      }
    }),
  );
  return findings;
}

/** An exchange is the only question that npm answers about a trusted publisher. */
async function exchangeFor(
  { token }: Context,
  name: string,
  io: Io,
  error: (message: string, hint: string) => void,
): Promise<void> {
  try {
    await token(name, io);
  } catch (thrown) {
    if (!(thrown instanceof ReleaseError) || thrown.code !== "AUTH") throw thrown;
    error(thrown.message, thrown.hint ?? "check the trusted publisher");
  }
}

function ownedHint(name: string): string {
  return `ask an owner for \`npm owner add\` (\`npm owner ls ${name}\` lists them), or choose another name`;
}

/** The user's name; undefined where the registry doesn't say, null without a usable token. */
async function whoAmI(
  { client, packages, token }: Context,
  io: Io,
  error: (message: string, hint: string) => void,
): Promise<string | undefined | null> {
  const first = packages[0] ?? "";
  if (!(await token(first, io))) {
    error(
      "no token for npm",
      "set NPM_TOKEN to a granular access token that may read and write the packages; or give the job `id-token: write` and npm a trusted publisher",
    );
    return null;
  }
  const response = await client.send(first, "/-/whoami", io, { token: true });
  if (response.status === 401 || response.status === 403) {
    response.discard();
    error(
      `npm (${client.host}) refused the token`,
      "set NPM_TOKEN to a token that is valid: granular tokens expire, and npm revoked classic ones",
    );
    return null;
  }
  if (response.status === 429 || response.status >= 500) throw await client.failure(response, "asking who we are", io);
  // Registries without it answer 404 or something else: then only publishing shows whether the token is right.
  if (response.status !== 200) {
    response.discard();
    return undefined;
  }
  const username = (await response.json<{ username?: unknown } | null>())?.username;
  if (typeof username === "string" && username !== "") return username;
  error(`npm (${client.host}) doesn't know the token`, "set NPM_TOKEN to a token that is valid");
  return null;
}

/** False only where the registry lists who may write, and the user isn't among them. */
async function mayWrite(client: NpmClient, name: string, user: string, io: Io): Promise<boolean> {
  const response = await client.send(name, `/-/package/${escapeName(name)}/collaborators?format=cli`, io, {
    token: true,
  });
  if (response.status !== 200) {
    response.discard();
    return true;
  }
  const rights = await response.json<Record<string, unknown>>().catch(() => null);
  if (rights === null || typeof rights !== "object") return true;
  const right = rights[user];
  return right === undefined ? Object.keys(rights).length === 0 : String(right).includes("write");
}
