// What the page asks of the server: JSON, uploads with progress, jobs with their events. Errors are one line.

export class ServerError extends Error {
  constructor(status, told) {
    super(told?.message || `The server answered ${status}.`);
    this.status = status;
    this.code = told?.code;
  }
}

let login = () => Promise.reject(new ServerError(401, null));
let asking = null;

/** `ask` shows the form for the key and resolves when the server has taken it. */
export function onLogin(ask) {
  login = () => (asking ??= ask().finally(() => { asking = null; }));
}

async function checked(response) {
  if (response.ok) return response;
  const told = await response.json().catch(() => null);
  throw new ServerError(response.status, told?.error);
}

export async function call(path, options = {}) {
  const { body, ...rest } = options;
  const init = { ...rest };
  if (body !== undefined) {
    init.method ??= "POST";
    init.headers = { "Content-Type": "application/json" };
    init.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(path, init);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServerError(0, { message: "The server cannot be reached." });
  }
  if (response.status === 401 && path !== "/session") {
    await login();
    return call(path, options);
  }
  return checked(response);
}

export const json = async (path, options) => (await call(path, options)).json();

/** Upload a file; `progress` is told the share that is sent. */
export function upload(file, name, progress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/files?name=${encodeURIComponent(name)}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
    request.onload = () => {
      let told = null;
      try { told = JSON.parse(request.responseText); } catch { /* the status says enough */ }
      if (request.status === 401) login().then(() => upload(file, name, progress, signal)).then(resolve, reject);
      else if (request.status < 300 && told) resolve(told);
      else reject(new ServerError(request.status, told?.error));
    };
    request.onerror = () => reject(new ServerError(0, { message: "The upload broke off. Is the file too large?" }));
    request.onabort = () => reject(new DOMException("stopped", "AbortError"));
    signal?.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}

/** Start a job and follow it to its end; `progress` is told its state, place in the queue and what is done. */
export async function job(path, body, progress, signal) {
  const started = await json(path, { body: { ...body, background: true }, signal });
  const stop = () => call(`/jobs/${started.id}`, { method: "DELETE" }).catch(() => {});
  signal?.addEventListener("abort", stop);
  try {
    for (;;) {
      const last = await follow(started.id, progress, signal);
      if (last?.state === "done") return last.result;
      if (last?.state === "failed") throw new ServerError(422, last.error);
      if (last?.state === "cancelled") throw new DOMException("stopped", "AbortError");
      await new Promise((wake) => setTimeout(wake, 1000)); // the stream broke off: a restart, a slow network
    }
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

async function follow(id, progress, signal) {
  let last = null;
  try {
    const response = await call(`/jobs/${id}/events`, { signal });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let kept = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      kept += value;
      const events = kept.split("\n\n");
      kept = events.pop();
      for (const event of events) {
        if (!event.startsWith("data: ")) continue;
        last = JSON.parse(event.slice(6));
        progress(last);
      }
    }
  } catch (error) {
    if (error.name === "AbortError" || (error instanceof ServerError && error.status)) throw error;
  }
  return last;
}
