<?php

require_once dirname(__FILE__) . '/../../../core/php/core.inc.php';
include_file('core', 'authentification', 'php');
if (!isConnect()) {
    include_file('desktop', '404', 'php');
    die();
}

/** Key, label, help, and what the field is. */
$settings = array(
    array('port', '{{Port interne}}', '{{Port sur lequel le démon écoute}}', 'type="number" min="1" max="65535"'),
    array('readDelay', '{{Délai entre les événements}}', '{{En secondes : temps minimal entre deux messages à un client ; 0 : sans attendre}}', 'type="number" min="0" step="any"'),
    array('authDelay', '{{Délai d\'authentification}}', '{{En secondes : un client qui n\'a pas envoyé sa clé est alors déconnecté}}', 'type="number" min="0.01" max="60" step="any"'),
    array('allowedHosts', '{{Hôtes autorisés}}', '{{Hôtes dont les pages peuvent se connecter, séparés par des virgules ; vide : les adresses interne et externe de Jeedom}}', 'type="text" placeholder="myjeedom.ltd,10.0.0.42"'),
);
?>
<form class="form-horizontal">
    <fieldset>
        <?php foreach ($settings as list($key, $label, $help, $field)) { ?>
            <div class="form-group">
                <label class="col-md-4 control-label"><?php echo $label; ?>
                    <sup><i class="fas fa-question-circle tooltips" title="<?php echo $help; ?>"></i></sup>
                </label>
                <div class="col-md-4">
                    <input class="configKey form-control" data-l1key="<?php echo $key; ?>" <?php echo $field; ?>/>
                </div>
            </div>
        <?php } ?>
    </fieldset>
</form>
