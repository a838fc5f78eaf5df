import { createServer as createHttpServer, type IncomingMessage } from "node:http";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { proxyFor } from "../../src/hub/proxy.ts";
import { failure } from "../io/failure.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { hubForTests, pull } from "./support.ts";

const inFolder = temporaryFolder();
const hub = hubForTests();

/** What the proxy was asked for: `CONNECT host:port` or an address, with the authorization. */
const asked: string[] = [];
let status = 200;
const note = ({ method, url, headers }: IncomingMessage) => {
  asked.push(`${method} ${url} ${headers["proxy-authorization"] ?? "-"} ${headers.authorization ?? "-"}`);
};
/** Takes a tunnel's bytes, and says how they begin: encrypted ones with 0x16. */
const firstBytes: number[] = [];
const target: Server = createServer((socket) => {
  socket
    .on("error", () => undefined)
    .once("data", (data) => {
      firstBytes.push(data[0] ?? -1);
      socket.destroy();
    });
});
const proxy = createHttpServer((request, response) => {
  note(request);
  if (status !== 200) {
    response.writeHead(status).end();
    return;
  }
  const { pathname, search } = new URL(request.url ?? "");
  const location = `${new URL(request.url ?? "").origin === hub.cdn ? hub.cdn : hub.endpoint}${pathname}${search}`;
  void fetch(location, { redirect: "manual", headers: { range: request.headers.range ?? "bytes=0-" } }).then(
    async (answer) => {
      const headers = Object.fromEntries([...answer.headers].filter(([name]) => name !== "content-range"));
      response.writeHead(answer.status === 206 ? 200 : answer.status, headers);
      response.end(Buffer.from(await answer.arrayBuffer()));
    },
  );
}).on("connect", (request: IncomingMessage, socket: Socket) => {
  note(request);
  if (status !== 200) {
    socket.end(`HTTP/1.1 ${status} No\r\n\r\n`);
    return;
  }
  const onward = connect((target.address() as AddressInfo).port, "127.0.0.1", () => {
    socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
    onward
      .on("error", () => undefined)
      .pipe(socket.on("error", () => undefined))
      .pipe(onward);
  });
});
const address = (user = "") => `http://${user}127.0.0.1:${(proxy.address() as AddressInfo).port}`;

beforeAll(async () => {
  for (const server of [target, proxy]) await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterAll(() => {
  proxy.closeAllConnections();
  proxy.close();
  target.close();
});
beforeEach(() => {
  asked.length = 0;
  status = 200;
});

describe("a proxy", () => {
  it("is asked for what is not encrypted, and brings a whole model", async () => {
    const env = { HTTP_PROXY: address("me:p%40ss@"), HF_TOKEN: "hf_secret" };
    const { downloaded } = await pull(hub, inFolder("plain"), { env });
    expect(downloaded).toBeGreaterThan(1000);
    expect(asked[0]).toMatch(
      /^GET http:\/\/127\S+\/api\/models\/owner\/tiny\/revision\/main Basic bWU6cEBzcw== Bearer hf_secret$/,
    );
    expect(asked.filter((line) => line.includes(hub.cdn)).every((line) => line.endsWith(" -"))).toBe(true);
    expect(asked.length).toBe(hub.seen.length);
  });

  it("gets a tunnel for what is encrypted: it sees the host and no token", async () => {
    const env = { HTTPS_PROXY: address("me:secret@"), HF_ENDPOINT: "https://hub.example", HF_TOKEN: "hf_secret" };
    const error = await failure(pull(hub, inFolder("tunnel"), { env, tries: 1 }));
    expect(asked).toEqual([`CONNECT hub.example:443 Basic ${Buffer.from("me:secret").toString("base64")} -`]);
    expect(firstBytes).toEqual([0x16]); // the beginning of a TLS handshake
    expect(error.message).not.toContain("secret");
  });

  it.each([
    { answer: 407, words: "asks for a name and a password" },
    { answer: 502, words: "answered 502" },
  ])("that refuses ($answer) is named, without its password", async ({ answer, words }) => {
    status = answer;
    const env = { HTTPS_PROXY: address("me:secret@"), HF_ENDPOINT: "https://hub.example" };
    const error = await failure(pull(hub, inFolder(`refused ${answer}`), { env }));
    expect(error.message).toContain(words);
    expect(error.message).not.toContain("secret");
  });

  it.each([
    { url: "https://a.b/", env: { HTTPS_PROXY: "http://p:1" }, proxy: "http://p:1/" },
    { url: "https://a.b/", env: { https_proxy: "p:1", HTTPS_PROXY: "http://q:1" }, proxy: "http://p:1/" },
    { url: "https://a.b/", env: { HTTP_PROXY: "http://p:1" } },
    { url: "http://a.b/", env: { HTTP_PROXY: "http://p:1" }, proxy: "http://p:1/" },
    { url: "https://a.b/", env: { ALL_PROXY: "https://p" }, proxy: "https://p/" },
    { url: "https://a.b/", env: { HTTPS_PROXY: "http://p:1", NO_PROXY: "*" } },
    { url: "https://a.b/", env: { HTTPS_PROXY: "http://p:1", NO_PROXY: "x, B" } },
    { url: "https://a.b/", env: { HTTPS_PROXY: "http://p:1", NO_PROXY: ".a.b" } },
    { url: "https://ca.b/", env: { HTTPS_PROXY: "http://p:1", NO_PROXY: "a.b" }, proxy: "http://p:1/" },
    { url: "https://a.b/", env: { HTTPS_PROXY: "http://p:1", NO_PROXY: "a.b:444" }, proxy: "http://p:1/" },
    { url: "https://a.b/", env: { HTTPS_PROXY: "http://p:1", NO_PROXY: "a.b:443" } },
    { url: "http://[::1]:8/", env: { HTTP_PROXY: "http://p:1", NO_PROXY: "localhost,::1" } },
    { url: "http://127.0.0.1:8/", env: { HTTP_PROXY: "http://p:1", no_proxy: "127.0.0.1" } },
  ])("for $url with $env is $proxy", ({ url, env, proxy: expected }) => {
    expect(proxyFor(new URL(url), env)?.href).toBe(expected);
  });

  it.each(["socks5://p:1", "http://", "http://me:secret@:1"])("called %s is refused", (HTTPS_PROXY) => {
    const use = () => proxyFor(new URL("https://a.b"), { HTTPS_PROXY });
    expect(use).toThrow("HTTPS_PROXY names no HTTP proxy");
    expect(use).not.toThrow("secret");
  });
});
