<?php

if (!isConnect('admin')) {
    throw new Exception('{{401 - Accès non autorisé}}');
}
$info = Websocket::deamon_info();
$port = config::byKey('port', 'Websocket', Websocket::DEFAULTS['port']);
?>
<div class="col-xs-12">
    <legend><i class="fas fa-broadcast-tower"></i> {{Websocket}}</legend>
    <div class="alert alert-<?php echo $info['state'] === 'ok' ? 'success' : 'danger'; ?>">
        <?php echo $info['state'] === 'ok' ? '{{Le démon fonctionne.}}' : '{{Le démon ne fonctionne pas.}}'; ?>
    </div>
    <p>{{Les clients se connectent ici, et envoient la clé API de leur utilisateur :}}</p>
    <pre>const socket = new WebSocket("ws://" + location.hostname + ":<?php echo intval($port); ?>");
socket.onopen = () =&gt; socket.send(JSON.stringify({ apiKey: "…" }));
socket.onmessage = ({ data }) =&gt; console.log(JSON.parse(data).result);</pre>
    <a class="btn btn-default" href="index.php?v=d&amp;p=plugin&amp;id=Websocket"><i class="fas fa-wrench"></i> {{Configuration}}</a>
</div>
