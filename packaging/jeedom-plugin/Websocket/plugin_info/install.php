<?php

require_once dirname(__FILE__) . '/../../../core/php/core.inc.php';

/** What was set for the plugin before, by whatever version of it, stays as it is. */
function Websocket_install() {
    foreach (Websocket::DEFAULTS as $key => $value) {
        if (config::byKey($key, 'Websocket') === '') {
            config::save($key, $value, 'Websocket');
        }
    }
}

function Websocket_update() {
    Websocket_install();
    Websocket::removeFormerService();
    if (Websocket::deamon_info()['state'] === 'ok') {
        Websocket::deamon_start();
    }
}

function Websocket_remove() {
    Websocket::deamon_stop();
    Websocket::removeFormerService();
}
