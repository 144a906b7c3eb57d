import type { Git } from "./push.ts";

/**
 * Lets git reach one server with a token, through its environment alone: no argument, no file, no address holds it
 * (git-config(1), GIT_CONFIG_COUNT). Redirects are refused then, because git would send the header along.
 *
 * @param server `https://github.com`: the header goes to addresses below it, nowhere else
 */
export function gitCredentials(server: string, token: string | undefined): Record<string, string> {
  if (token === undefined || token === "") return {};
  const basic = Buffer.from(`x-access-token:${token}`).toString("base64");
  const origin = new URL(server).origin;
  return {
    GIT_CONFIG_COUNT: "3",
    // An empty value forgets what the repository's own configuration says (actions/checkout leaves a header there).
    GIT_CONFIG_KEY_0: `http.${origin}/.extraHeader`,
    GIT_CONFIG_VALUE_0: "",
    GIT_CONFIG_KEY_1: `http.${origin}/.extraHeader`,
    GIT_CONFIG_VALUE_1: `Authorization: Basic ${basic}`,
    GIT_CONFIG_KEY_2: `http.${origin}/.followRedirects`,
    GIT_CONFIG_VALUE_2: "false",
  };
}

/**
 * Git as somebody without a credential runs it: without what gitCredentials gives, and without what the configuration,
 * helpers and askpass programs of this machine hold (gitcredentials(7)).
 *
 * @param server any http address of the server that is asked
 */
export function withoutCredentials(git: Git, server: string): Git {
  const header = `http.${new URL(server).origin}/.extraHeader=`;
  const settings = ["credential.helper=", "core.askPass=", header].flatMap((setting) => ["-c", setting]);
  const env = { GIT_CONFIG_COUNT: "0", GIT_ASKPASS: "" };
  return (args, run = {}) => git([...settings, ...args], { ...run, env: { ...run.env, ...env } });
}
