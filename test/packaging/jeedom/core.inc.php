<?php
/**
 * The part of Jeedom's core that the plugin uses, with what the test says: Jeedom's configuration is `config.json` in
 * the installation's root, and its messages go to `log/`.
 */

define('ROOT', dirname(__FILE__, 3));

class eqLogic {
}

class cmd {
}

class config {
    private static function file() {
        return ROOT . '/config.json';
    }

    private static function all() {
        return file_exists(self::file()) ? json_decode(file_get_contents(self::file()), true) : array();
    }

    /** A stored empty text is as good as none. */
    public static function byKey($key, $plugin = 'core', $default = '') {
        $value = self::all()[$plugin][$key] ?? '';
        return $value === '' ? $default : $value;
    }

    public static function save($key, $value, $plugin = 'core') {
        $all = self::all();
        $all[$plugin][$key] = $value;
        file_put_contents(self::file(), json_encode($all));
    }
}

class jeedom {
    public static function getTmpFolder($plugin) {
        $folder = ROOT . '/tmp/' . $plugin;
        if (!is_dir($folder)) {
            mkdir($folder, 0770, true);
        }
        return $folder;
    }

    public static function getApiKey($plugin) {
        return config::byKey('api', $plugin);
    }
}

class network {
    public static function getNetworkAccess($mode, $form) {
        return config::byKey('internal');
    }
}

class log {
    public static function getPathToLog($name) {
        return ROOT . '/log/' . $name;
    }

    public static function add($name, $level, $text) {
        file_put_contents(self::getPathToLog($name), "[$level] $text\n", FILE_APPEND);
    }
}

class message {
    public static function removeAll($plugin, $id) {
    }
}

class system {
    public static function getCmdSudo() {
        return '';
    }
}

function __($text, $file) {
    return $text;
}

function include_file($folder, $name, $type) {
}

function isConnect($right = '') {
    return true;
}

if (is_file(ROOT . '/plugins/Websocket/core/class/Websocket.class.php')) {
    require_once ROOT . '/plugins/Websocket/core/class/Websocket.class.php';
}
