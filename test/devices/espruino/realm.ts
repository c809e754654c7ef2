/**
 * What makes a realm as poor as a board's: gives every object the events it is handed, cuts characters to bytes, and takes away
 * what came after ES5.
 */
export const bytesOnly = `(function (events) {
  for (var name in events) Object.defineProperty(Object.prototype, name, { value: events[name], writable: true });
  var wide = String.fromCharCode;
  String.fromCharCode = function () {
    var text = "";
    for (var i = 0; i < arguments.length; i++) text += wide(arguments[i] & 255);
    return text;
  };
  var bytes = function (text) {
    var cut = "";
    for (var i = 0; i < text.length; i++) cut += String.fromCharCode(text.charCodeAt(i));
    return cut;
  };
  var parse = JSON.parse;
  JSON.parse = function (text) {
    return parse(text, function (name, value) { return typeof value === "string" ? bytes(value) : value; });
  };
  var stringify = JSON.stringify;
  JSON.stringify = function (value) {
    var text = stringify(value);
    var ascii = "";
    for (var i = 0; text && i < text.length; i++) {
      var code = text.charCodeAt(i);
      ascii += code < 127 ? text.charAt(i) : "\\\\u00" + code.toString(16);
    }
    return text && ascii;
  };
  encodeURIComponent = function (text) {
    var encoded = "";
    for (var i = 0; i < text.length; i++) {
      var code = text.charCodeAt(i);
      var plain = code < 128 && /[A-Za-z0-9\\-_.!~*'()]/.test(text.charAt(i));
      encoded += plain ? text.charAt(i) : "%" + (code < 16 ? "0" : "") + code.toString(16).toUpperCase();
    }
    return encoded;
  };
  var es5 = {
    String: "charAt charCodeAt concat constructor indexOf lastIndexOf length match replace slice split substr substring toLowerCase toString toUpperCase trim valueOf",
    Array: "concat constructor every filter forEach indexOf join lastIndexOf length map pop push reduce reduceRight reverse shift slice some sort splice toString unshift",
    Number: "constructor toExponential toFixed toPrecision toString valueOf"
  };
  for (var kind in es5) {
    var kept = es5[kind].split(" ");
    var prototype = this[kind].prototype;
    Object.getOwnPropertyNames(prototype).forEach(function (name) {
      if (kept.indexOf(name) < 0) delete prototype[name];
    });
  }
  "assign entries values fromEntries is setPrototypeOf getOwnPropertySymbols".split(" ").forEach(function (name) { delete Object[name]; });
  ("Map Set WeakMap WeakSet WeakRef Proxy Reflect Promise Symbol BigInt globalThis Atomics SharedArrayBuffer WebAssembly Intl "
    + "FinalizationRegistry Iterator AsyncFunction").split(" ").forEach(function (name) { delete this[name]; }, this);
})`;
