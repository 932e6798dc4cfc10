// The twin: what Opp Status does with a command, on Bolt for JavaScript, and nothing besides. It keeps nothing.

import bolt from "@slack/bolt";
import { Agent, request } from "undici";

const { env } = process;
const allowed = new Set(env.ALLOWED_USERS.split(","));
const pool = new Agent({ connections: 32, keepAliveTimeout: 30_000 });
const highlevel = {
  accept: "application/json",
  authorization: `Bearer ${env.HIGHLEVEL_TOKEN}`,
  "user-agent": "opp-status-twin",
  version: "2021-07-28",
};

async function byUndici(method, url, headers, body) {
  const answer = await request(url, { dispatcher: pool, method, headers, body });
  return { status: answer.statusCode, text: await answer.body.text() };
}

async function byFetch(method, url, headers, body) {
  const answer = await fetch(url, { method, headers, body });
  return { status: answer.status, text: await answer.text() };
}

const send = env.CLIENT === "fetch" ? byFetch : byUndici;

async function call(method, url, headers, contents) {
  const json = contents && { "content-type": "application/json" };
  const { status, text } = await send(method, url, { ...headers, ...json }, contents && JSON.stringify(contents));
  if (status >= 300) throw new Error(`${method} was answered by ${status}`);
  return text;
}

const alive = {
  path: "/healthz",
  method: ["GET"],
  handler: (_request, response) => response.writeHead(200).end("alive"),
};
const receiver = new bolt.HTTPReceiver({
  signingSecret: env.SLACK_SIGNING_SECRET,
  endpoints: "/slack/events",
  customRoutes: [alive, { ...alive, path: "/readyz" }],
});
const app = new bolt.App({ receiver, authorize: async () => ({ botToken: env.SLACK_BOT_TOKEN }) });

app.command("/opp-status", async ({ command, ack }) => {
  await ack();
  if (!allowed.has(command.user_id)) return;
  const [id, status] = command.text.split(" ");
  const url = `${env.HIGHLEVEL_API_URL}/opportunities/${id}`;
  const before = JSON.parse(await call("GET", url, highlevel)).opportunity;
  await call("PUT", `${url}/status`, highlevel, { status });
  const after = JSON.parse(await call("GET", url, highlevel)).opportunity;
  const text = `<@${command.user_id}> changed ${after.name} from ${before.status} to *${after.status}*`;
  const blocks = [{ type: "section", text: { type: "mrkdwn", text } }];
  await call("POST", command.response_url, {}, { response_type: "in_channel", text, blocks });
  console.log(JSON.stringify({ event: "command.done", opportunity: id, status, user: command.user_id }));
});

await app.start({ port: Number(env.PORT), host: "127.0.0.1" });
