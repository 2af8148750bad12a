// A client in JavaScript: node client.mjs BASE_URL NAME, with the keys in NCLUE_ACCESS_KEY and NCLUE_SECRET_KEY.
// Creates a task, watches it to its end, lists and deletes it, and prints [[method, status, body], ...] of everything it did.
import { createHmac } from "node:crypto";

const [base, name] = process.argv.slice(2);
const { NCLUE_ACCESS_KEY: accessKey, NCLUE_SECRET_KEY: secretKey } = process.env;
const done = [];

async function call(method, path, payload) {
  const url = new URL(base + path);
  const timestamp = String(Date.now());
  const message = `${method} ${url.pathname}${url.search}\n${timestamp}\n${accessKey}`;
  const response = await fetch(url, {
    method,
    headers: {
      "content-type": "application/json",
      "x-ncp-apigw-timestamp": timestamp,
      "x-ncp-iam-access-key": accessKey,
      "x-ncp-apigw-signature-v2": createHmac("sha256", secretKey).update(message).digest("base64"),
    },
    body: payload && JSON.stringify(payload),
    signal: AbortSignal.timeout(10_000),
  });
  const body = await response.json();
  done.push([method, response.status, body]);
  return body;
}

const payload = {
  name,
  train_feature_id: "0ccc59f9-0000-4000-8000-7837ae76d046",
  train_bucket: "answers",
  train_file_path: "churn/2026-11/train.tsv",
};
const { task_id: id } = await call("POST", "/tasks", payload);
let task;
do task = await call("GET", `/tasks/${id}`);
while (!["completed", "failed"].includes(task.status) && done.length < 20);
await call("GET", "/tasks?index=0&limit=100");
await call("DELETE", `/tasks/${id}`);
await call("GET", `/tasks/${id}`);
await call("POST", "/tasks", { ...payload, train_file_path: "a~b" });
console.log(JSON.stringify(done));
