/**
 * @file What can go wrong between here and the hub: what is worth another try, and what a person is told otherwise,
 * with what to type next. The codes are those that huggingface_hub knows (`hf_raise_for_status`).
 */
import { KeepsakeError, shown } from "../errors.ts";
import type { HubModel } from "../hub-cache/hub-model.ts";
import { Silence, type Answer } from "./request.ts";
import { pageOf, type HubSettings } from "./settings.ts";

/** What may go better the next time. */
export class Transient extends Error {
  /** How long the server asks to wait, in seconds. */
  readonly retryAfter: number | undefined;

  constructor(message: string, retryAfter?: number) {
    super(message);
    this.retryAfter = retryAfter;
  }
}

/** The server says that it has no such file, at this commit. */
export class NoSuchFile extends Error {}

const BUSY: Readonly<Record<number, string>> = {
  408: "it gave up waiting",
  429: "it has had too many requests from here",
  500: "it has a fault of its own",
  502: "it cannot be reached behind its gateway",
  503: "it is overloaded or under maintenance",
  504: "it does not answer behind its gateway",
};

/** @throws Transient, NoSuchFile or a KeepsakeError unless an answer is what was asked for */
export function checkAnswer(answer: Answer, model: HubModel, settings: HubSettings): void {
  const { status, headers, url, body } = answer;
  if (status >= 200 && status < 300) return;
  body.destroy();
  if (Object.hasOwn(BUSY, status))
    throw new Transient(`${BUSY[status]} (${status})`, retryAfter(headers["retry-after"]));
  if (headers["x-error-code"] === "EntryNotFound") throw new NoSuchFile();
  throw new KeepsakeError(
    "input",
    refusal(answer, model, settings) ?? `${url.host} answered ${status}${said(answer)}.`,
  );
}

function refusal(answer: Answer, { repo, revision }: HubModel, settings: HubSettings): string | undefined {
  const { status, headers } = answer;
  const code = headers["x-error-code"];
  const tokens = pageOf(settings, "settings", "tokens");
  const page = pageOf(settings, ...repo.split("/"));
  const hasToken = settings.token !== undefined;
  if (code === "GatedRepo") {
    const next = hasToken
      ? "with the account of your token, which must be allowed to read gated models, and repeat the command"
      : `then set HF_TOKEN to a token from ${tokens}, and repeat the command`;
    return `${repo} is gated: accept its licence at ${page} ${next}.`;
  }
  if (code === "RevisionNotFound") {
    return `${repo} has no revision ${shown(revision)}; choose one of ${page}, or leave it out.`;
  }
  if (status === 401 && hasToken && !code) {
    return `${settings.endpoint.host} does not accept your token (HF_TOKEN, or the one of "hf auth login"); make one at ${tokens}, or unset it.`;
  }
  if (code === "RepoNotFound" || status === 401 || status === 404) {
    const next = hasToken
      ? "your token's account must be allowed to read it"
      : `for a private one set HF_TOKEN (${tokens})`;
    return `There is no model ${repo} at ${settings.endpoint.host}, or it is private: check the name; ${next}.`;
  }
  if (status === 403) return `${page} may not be read from here${said(answer)}; look at it in a browser.`;
  return undefined;
}

/** The server's own words, cut short. */
function said({ headers }: Answer): string {
  const message = headers["x-error-message"];
  return typeof message === "string" && message !== "" ? ` (${shown(message, 200)})` : "";
}

/** In seconds; the header holds seconds or a date. */
function retryAfter(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const seconds = /^\d{1,6}$/.test(value.trim()) ? Number(value) : (Date.parse(value) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
}

/** What the codes of the network mean, and whether it may be otherwise in a moment. */
const NETWORK: Readonly<Record<string, { readonly fault: string; readonly isPassing: boolean }>> = {
  ECONNRESET: { fault: "the connection was cut", isPassing: true },
  EPIPE: { fault: "the connection was cut", isPassing: true },
  ERR_STREAM_PREMATURE_CLOSE: { fault: "the connection was cut", isPassing: true },
  HPE_INVALID_EOF_STATE: { fault: "the connection was cut", isPassing: true },
  ETIMEDOUT: { fault: "it does not answer", isPassing: true },
  EAI_AGAIN: { fault: "its name cannot be looked up at the moment", isPassing: true },
  ECONNREFUSED: { fault: "nothing listens there", isPassing: false },
  ENOTFOUND: { fault: "there is no such host, or no network", isPassing: false },
  ENETUNREACH: { fault: "there is no network", isPassing: false },
  EHOSTUNREACH: { fault: "there is no way to it", isPassing: false },
  EPROTO: { fault: "it does not speak TLS", isPassing: false },
};

/**
 * What an error of a request is to whoever asked.
 *
 * @returns Transient or KeepsakeError; any other error as it is
 */
export function requestFault(error: unknown, url: URL): unknown {
  if (error instanceof Silence) return new Transient("nothing has come for too long");
  if (!(error instanceof Error) || !("code" in error)) return error;
  const code = String(error.code);
  const known = Object.hasOwn(NETWORK, code) ? NETWORK[code] : undefined;
  if (known?.isPassing === true) return new Transient(known.fault);
  const isUntrusted = /CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS/.test(code);
  const fault = isUntrusted ? `its certificate is not trusted (${code})` : known?.fault;
  if (fault === undefined && !code.startsWith("HPE_")) return error;
  const advice = isUntrusted
    ? "if a proxy of yours signs connections, name its certificate in NODE_EXTRA_CA_CERTS"
    : "look at the network, HTTPS_PROXY and HF_ENDPOINT, and repeat the command";
  return new KeepsakeError(
    "environment",
    `Cannot reach ${url.host}: ${fault ?? "it does not speak HTTP"}; ${advice}.`,
    {
      cause: error,
    },
  );
}
