// Reads vCards with two libraries that others wrote; a JSON list of cards comes in, a list of what each read goes out.
const vcard4 = require("vcard4");
const ical = require("ical.js").default ?? require("ical.js");

const cards = JSON.parse(require("fs").readFileSync(0, "utf8"));
const read = cards.map((text) => ({
  vcard4: vcard4.parse(text).parsedVcard.map((each) => [each.group ?? "", each.property.toLowerCase(), each.parameters, each.value]),
  ical: ical.parse(text)[1].map(([name, parameters, type, ...values]) => [parameters.group ?? "", name, parameters, values]),
}));
console.log(JSON.stringify(read));
