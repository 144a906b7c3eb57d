import type { Auth, Context } from "./context.ts";

/** A "simple user" of the API. There is one user for every token; releases and assets are theirs. */
export function simpleUser(context: Context, login: string): Record<string, unknown> {
  const url = `${context.api}/users/${login}`;
  return {
    login,
    id: 1,
    node_id: nodeId("User", 1),
    avatar_url: `${context.web}/images/${login}.png`,
    gravatar_id: "",
    url,
    html_url: `${context.web}/${login}`,
    followers_url: `${url}/followers`,
    following_url: `${url}/following{/other_user}`,
    gists_url: `${url}/gists{/gist_id}`,
    starred_url: `${url}/starred{/owner}{/repo}`,
    subscriptions_url: `${url}/subscriptions`,
    organizations_url: `${url}/orgs`,
    repos_url: `${url}/repos`,
    events_url: `${url}/events{/privacy}`,
    received_events_url: `${url}/received_events`,
    type: "User",
    user_view_type: "public",
    site_admin: false,
  };
}

/** The account behind a credential, as `GET /user` shows it. */
export function publicUser(context: Context, auth: Auth): Record<string, unknown> {
  return {
    ...simpleUser(context, auth.login),
    name: null,
    company: null,
    blog: "",
    location: null,
    email: null,
    hireable: null,
    bio: null,
    public_repos: context.store.all().length,
    public_gists: 0,
    followers: 0,
    following: 0,
    created_at: "2020-01-01T00:00:00Z",
    updated_at: "2020-01-01T00:00:00Z",
  };
}

/** The login that releases and assets are recorded under. */
export const author = "octocat";

/** GraphQL's opaque id. */
export function nodeId(kind: string, id: number | string): string {
  return Buffer.from(`${kind}${id}`).toString("base64url");
}
