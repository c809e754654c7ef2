<?php

require_once dirname(__FILE__) . '/../../../../core/php/core.inc.php';

/** Runs Hearthwire as the plugin's daemon, with the plugin's settings. */
class Websocket extends eqLogic {
    /** The plugin's settings, by the names that they have always had. Delays are in seconds. */
    const DEFAULTS = array('port' => '8090', 'readDelay' => '0', 'authDelay' => '1', 'allowedHosts' => '');

    /** The unit that earlier versions of the plugin installed, which has the same port. */
    const FORMER_UNIT = '/etc/systemd/system/jeedom-websocket.service';

    const SECONDS_TO_START = 15;
    const SECONDS_TO_STOP = 15;

    // ── What Jeedom asks and tells of the daemon. It spells it so. ──

    public static function deamon_info() {
        $fault = self::fault();
        $info = array('log' => __CLASS__, 'state' => self::runs() ? 'ok' : 'nok', 'launchable' => 'ok');
        if ($fault !== null) {
            $info['launchable'] = 'nok';
            $info['launchable_message'] = $fault;
        }
        return $info;
    }

    public static function deamon_start() {
        self::deamon_stop();
        $fault = self::fault();
        if ($fault !== null) {
            throw new Exception($fault);
        }
        self::removeFormerService();
        self::writePrivately(self::temporary('key'), jeedom::getApiKey('core'));
        self::writePrivately(self::temporary('hearthwire.yaml'), json_encode(self::configuration(), JSON_PRETTY_PRINT | JSON_UNESCAPED_SLASHES) . "\n");
        $words = array('setsid', 'sh', self::resource('daemon.sh'), self::temporary('pid'), self::runtime(), self::resource('hearthwire/src/main.ts'), '--config', self::temporary('hearthwire.yaml'), 'serve');
        exec(implode(' ', array_map('escapeshellarg', $words)) . ' >> ' . escapeshellarg(log::getPathToLog(__CLASS__)) . ' 2>&1 < /dev/null &');
        if (!self::waitUntil(self::SECONDS_TO_START, function () { return self::runs(); })) {
            self::deamon_stop();
            log::add(__CLASS__, 'error', __('Impossible de démarrer le démon, voir le log', __FILE__), 'unableStartDeamon');
            return false;
        }
        message::removeAll(__CLASS__, 'unableStartDeamon');
        return true;
    }

    public static function deamon_stop() {
        $pid = self::pid();
        if ($pid === null) {
            return;
        }
        posix_kill($pid, SIGTERM);
        if (!self::waitUntil(self::SECONDS_TO_STOP, function () { return self::pid() === null; })) {
            // The script leads the group of all that it started.
            posix_kill(-$pid, SIGKILL);
        }
    }

    // ── What the plugin's own pages and scripts need ──

    /** Two daemons cannot have one port: the former one goes. */
    public static function removeFormerService() {
        if (!file_exists(self::FORMER_UNIT)) {
            return;
        }
        $sudo = system::getCmdSudo();
        exec($sudo . 'systemctl disable --now jeedom-websocket.service 2>&1; ' . $sudo . 'rm -f ' . self::FORMER_UNIT . '; ' . $sudo . 'systemctl daemon-reload 2>&1', $output);
        log::add(__CLASS__, 'info', __('L\'ancien service jeedom-websocket a été retiré', __FILE__) . ' ' . implode(' ', $output));
    }

    /** Hearthwire's configuration, from the plugin's settings. JSON is YAML. */
    public static function configuration() {
        $hosts = trim(self::setting('allowedHosts'));
        $listener = array(
            'listen' => '0.0.0.0:' . self::setting('port'),
            'protocol' => 'jeedom',
            'auth_delay' => self::setting('authDelay') . 's',
            'read_delay' => self::setting('readDelay') . 's',
        );
        return array(
            'data' => self::state(),
            // Jeedom waits for the end; clients come back by themselves.
            'drain' => '0s',
            'bridges' => array('jeedom' => array(
                'type' => 'jeedom',
                'url' => network::getNetworkAccess('internal', 'proto:127.0.0.1:port:comp'),
                'key_file' => self::temporary('key'),
            )),
            'listeners' => array($hosts === '' ? $listener : $listener + array('allowed_hosts' => $hosts)),
        );
    }

    // ── Its own ──

    /** Why the daemon cannot be started; null where it can. */
    private static function fault() {
        if (!is_executable(self::runtime())) {
            return __('Les dépendances ne sont pas installées', __FILE__);
        }
        if (config::byKey('api::core::mode', 'core', 'enable') === 'disable') {
            return __('L\'accès à l\'API de Jeedom est désactivé : l\'autoriser au moins depuis localhost', __FILE__);
        }
        $port = self::setting('port');
        if (!ctype_digit($port) || $port < 1 || $port > 65535) {
            return __('Le port n\'est pas un port', __FILE__);
        }
        foreach (array('readDelay', 'authDelay') as $key) {
            if (!is_numeric(self::setting($key)) || self::setting($key) < 0) {
                return __('Un délai n\'est pas un nombre de secondes', __FILE__);
            }
        }
        return null;
    }

    /** Jeedom takes an empty setting for none. */
    private static function setting($key) {
        return (string) config::byKey($key, __CLASS__, self::DEFAULTS[$key]);
    }

    private static function resource($path) {
        return realpath(dirname(__FILE__) . '/../../resources') . '/' . $path;
    }

    /** The runtime that npm brought. */
    private static function runtime() {
        return self::resource('hearthwire/node_modules/bun/bin/bun.exe');
    }

    private static function temporary($name) {
        return jeedom::getTmpFolder(__CLASS__) . '/' . $name;
    }

    /** Keys and what is kept of channels; part of Jeedom's backups, and no business of the web server's. */
    private static function state() {
        $folder = dirname(__FILE__) . '/../../data/hearthwire';
        if (!is_dir($folder)) {
            mkdir($folder, 0700, true);
        }
        file_put_contents(dirname($folder) . '/.htaccess', "Require all denied\n");
        return realpath($folder);
    }

    private static function writePrivately($file, $text) {
        if (file_exists($file)) {
            unlink($file);
        }
        touch($file);
        chmod($file, 0600);
        file_put_contents($file, $text);
    }

    /** Of the script that keeps the gateway running; null where none does. A number may belong to another program by now. */
    private static function pid() {
        $file = self::temporary('pid');
        $pid = file_exists($file) ? intval(file_get_contents($file)) : 0;
        $command = $pid > 0 ? @file_get_contents('/proc/' . $pid . '/cmdline') : false;
        return $command !== false && strpos($command, self::resource('daemon.sh')) !== false ? $pid : null;
    }

    /** It says at its control socket that it is ready: then it has all of its ports. */
    private static function runs() {
        $socket = self::pid() === null ? false : @stream_socket_client('unix://' . self::state() . '/control.sock', $code, $message, 1);
        if ($socket === false) {
            return false;
        }
        stream_set_timeout($socket, 2);
        @fwrite($socket, "GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        $status = @fgets($socket);
        fclose($socket);
        return $status !== false && strpos($status, ' 200 ') !== false;
    }

    private static function waitUntil($seconds, $condition) {
        for ($end = microtime(true) + $seconds; microtime(true) < $end; usleep(50000)) {
            if ($condition()) {
                return true;
            }
        }
        return $condition();
    }
}

/** Jeedom wants one for every plugin. */
class WebsocketCmd extends cmd {
}
