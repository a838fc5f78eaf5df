/**
 * @file Where the cache of the Hugging Face Hub lies, and whether connections are allowed: the variables of
 * huggingface_hub (`constants.py`), so that Keepsake and the Python tools share one cache.
 */
import { homedir } from "node:os";
import { join, resolve } from "node:path";

/** Environment variables. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Folder of the cache: `HF_HUB_CACHE`, else `hub` in {@link hubHome}. */
export function hubCacheFolder(env: Environment): string {
  const named = textOf(env, "HF_HUB_CACHE") ?? textOf(env, "HUGGINGFACE_HUB_CACHE");
  return named === undefined ? join(hubHome(env), "hub") : resolve(expanded(named, env));
}

/** Folder of everything that the Hugging Face tools keep for a user: `HF_HOME`, else below the user's cache folder. */
export function hubHome(env: Environment): string {
  const named = textOf(env, "HF_HOME");
  if (named !== undefined) return resolve(expanded(named, env));
  return resolve(expanded(textOf(env, "XDG_CACHE_HOME") ?? join(userHome(env), ".cache"), env), "huggingface");
}

/** The file that `hf auth login` writes. */
export function tokenFile(env: Environment): string {
  const named = textOf(env, "HF_TOKEN_PATH");
  return named === undefined ? join(hubHome(env), "token") : resolve(expanded(named, env));
}

/** Whether the user has forbidden connections. */
export function isOffline(env: Environment): boolean {
  return isTrue(textOf(env, "HF_HUB_OFFLINE") ?? textOf(env, "TRANSFORMERS_OFFLINE"));
}

/** As huggingface_hub reads switches. */
export function isTrue(value: string | undefined): boolean {
  return ["1", "ON", "YES", "TRUE"].includes(value?.toUpperCase() ?? "");
}

/** A variable that is set and not empty. */
export function textOf(env: Environment, name: string): string | undefined {
  const value = env[name];
  return value === "" ? undefined : value;
}

function userHome(env: Environment): string {
  return textOf(env, "HOME") ?? homedir();
}

/**
 * As Python's `expanduser` and `expandvars`: `~`, `$NAME` and `${NAME}`; variables that are not set stay as they are.
 */
function expanded(path: string, env: Environment): string {
  const fromHome = /^~(?=$|[/\\])/.test(path) ? userHome(env) + path.slice(1) : path;
  return fromHome.replace(/\$(?:(\w+)|\{(\w+)\})/g, (found, name?: string, braced?: string) => {
    return env[name ?? braced ?? ""] ?? found;
  });
}
