// webfinger.js, as another server uses it, against https://dir.test on the port that comes first; then the accounts to look up.
const dns = require("dns");
const WebFinger = require("webfinger.js").default ?? require("webfinger.js");

const [port, ...accounts] = process.argv.slice(2);
dns.lookup = (host, options, callback) => {
  const done = callback ?? options;
  options?.all ? done(null, [{ address: "127.0.0.1", family: 4 }]) : done(null, "127.0.0.1", 4);
};
const fetched = fetch;
globalThis.fetch = (url, options) => fetched(String(url).replace("https://dir.test/", `https://dir.test:${port}/`), options);

const finder = new WebFinger({ tls_only: true, allow_private_addresses: true, uri_fallback: false, request_timeout: 10000 });
Promise.all(
  accounts.map((account) => finder.lookup(account).then((found) => found, (error) => ({ error: String(error), status: error.status }))),
).then((found) => console.log(JSON.stringify(found)));
