// What a board's firmware gives a program, for an interpreter that has nothing but the language: events, timers whose time
// passes at once, and a network that is one board with itself. `modules` and `program` are put before and after it.
var queue = [];
var timers = [];
var now = 0;
var ids = 0;

Object.defineProperty(Object.prototype, "on", {
  value: function (event, task) {
    if (!this.handlers) Object.defineProperty(this, "handlers", { value: {} });
    this.handlers[event] = (this.handlers[event] || []).concat(task);
  }
});
Object.defineProperty(Object.prototype, "emit", {
  value: function (event) {
    var that = this;
    var values = Array.prototype.slice.call(arguments, 1);
    ((this.handlers && this.handlers[event]) || []).forEach(function (task) {
      queue.push(function () {
        task.apply(that, values);
      });
    });
  }
});

function setTimeout(task, ms) {
  timers.push({ id: ++ids, due: now + (ms || 0), task: task });
  return ids;
}

function clearTimeout(id) {
  if (id === undefined) throw new Error("clearTimeout(undefined) not allowed");
  timers = timers.filter(function (timer) {
    return timer.id !== id;
  });
}

// Not base64 and not SHA-1: both ends only have to say the same.
function btoa(bytes) {
  var text = "";
  for (var i = 0; i < bytes.length; i++) text += bytes.charCodeAt(i).toString(16);
  return text;
}

var listening;

/** One end of a connection; what is written arrives in chunks of 64 bytes, when the other listens. */
function end(other) {
  var socket = { out: "" };
  socket.write = function (bytes) {
    socket.out += bytes;
    setTimeout(function () {
      socket.flush();
    }, 1);
  };
  socket.flush = function () {
    var to = other();
    while (socket.out.length && to.handlers && to.handlers.data) {
      var chunk = socket.out.substr(0, 64);
      socket.out = socket.out.substr(64);
      to.handlers.data[0].call(to, chunk);
    }
  };
  socket.end = function () {
    other().emit("close");
    socket.emit("close");
  };
  return socket;
}

var network = {
  net: {
    connect: function (to, connected) {
      var request = { headers: {} };
      var client = end(function () {
        return request;
      });
      var response = end(function () {
        return client;
      });
      var head = "";
      response.writeHead = function (status, headers) {
        var text = "HTTP/1.1 " + status + " OK\r\n";
        for (var name in headers) text += name + ": " + headers[name] + "\r\n";
        response.write(text + "\r\n");
      };
      var write = client.write;
      client.write = function (bytes) {
        head += bytes;
        client.write = write;
        head
          .split("\r\n")
          .slice(1, -2)
          .forEach(function (line) {
            var colon = line.indexOf(":");
            request.headers[line.substr(0, colon)] = line.substr(colon + 2);
          });
        listening(request, response);
        // From now on bytes wait until somebody listens to them.
        var listen = request.on;
        request.on = function (event, task) {
          listen.call(request, event, task);
          if (event === "data") client.flush();
        };
      };
      client.on("connect", connected);
      client.emit("connect", client);
      return client;
    }
  },
  http: {
    createServer: function (asked) {
      listening = asked;
      return { listen: function () {} };
    }
  },
  crypto: {
    SHA1: function (text) {
      return text;
    }
  }
};

function require(name) {
  return network[name] || modules[name];
}

function run() {
  while (queue.length || timers.length) {
    if (queue.length) queue.shift()();
    else {
      timers.sort(function (a, b) {
        return a.due - b.due;
      });
      var timer = timers.shift();
      now = timer.due;
      timer.task();
    }
  }
}
