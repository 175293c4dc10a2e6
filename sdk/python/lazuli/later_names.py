"""What SDK v1 has and Lazuli has not yet: one table, read by `lazuli.later`."""

#: Area to what it is, and what works instead.
AREAS = {
    "pipelines": ("pipelines come later", "run the steps one after another with `experiment.submit(ScriptRunConfig(..))` or `run.submit_child(..)`"),
    "deployment": ("web services come later", "use the model where it is: `Model(workspace, name).download()`"),
    "hyperdrive": ("hyperparameter tuning comes later", "submit one ScriptRunConfig for each combination, and compare the runs by `run.get_metrics()`"),
    "automl": ("automated machine learning comes later", "submit a ScriptRunConfig for each algorithm, and compare the runs by `run.get_metrics()`"),
    "interpretation": ("explanations come later", "compute them in a script and keep them with `run.upload_folder(..)`"),
    "drift": ("drift is not watched on a schedule", "look at a time of your choice: `detector.backfill(start, end).get_metrics()`"),
    "tensorboard": ("TensorBoard is started by hand", "`run.download_files('logs', 'logs')`, then the program `tensorboard --logdir logs`"),
    "opendatasets": ("Azure's open datasets are not served here", "use `Dataset.Tabular.from_delimited_files(address)` or `Dataset.File.from_files(address)`"),
    "spark": ("Lazuli runs no Spark", "read the data with pandas: `dataset.to_pandas_dataframe()`"),
    "remote": ("scripts run on this machine or on one that is reached by SSH", "use `AmlCompute.provisioning_configuration(max_nodes=..)` or `RemoteCompute.attach_configuration(..)`"),
    "cloud": ("it manages an Azure resource", "nothing is needed in its place on your own machine"),
    "definitions": ("SDK v1 itself deprecated it", "use `Dataset.Tabular`, `Dataset.File` and the datasets that they give"),
    "cache": ("there is no cache for data here", "use `dataset.as_mount()`: mounts are links, or copies that runs share"),
    "docker": ("Lazuli uses no containers", "use `Environment.build(workspace)`: the same packages on this machine"),
    "internals": ("it is inside SDK v1", "use the classes of `azureml.core`"),
}

#: Whole modules, with everything below them.
MODULES = {
    "azureml.pipeline": "pipelines",
    "azureml.contrib.pipeline": "pipelines",
    "azureml.train.hyperdrive": "hyperdrive",
    "azureml.train.automl": "automl",
    "azureml.automl": "automl",
    "azureml.contrib.automl": "automl",
    "azureml.core.webservice": "deployment",
    "azureml.core.image": "deployment",
    "azureml.core.profile": "deployment",
    "azureml.contrib.services": "deployment",
    "azureml.monitoring": "deployment",
    "azureml.accel": "deployment",
    "azureml.interpret": "interpretation",
    "azureml.explain": "interpretation",
    "azureml.contrib.interpret": "interpretation",
    "azureml.contrib.explain": "interpretation",
    "azureml.contrib.fairness": "interpretation",
    "azureml.responsibleai": "interpretation",
    "azureml.tensorboard": "tensorboard",
    "azureml.contrib.tensorboard": "tensorboard",
    "azureml.opendatasets": "opendatasets",
    "azureml.contrib.opendatasets": "opendatasets",
    "azureml.contrib.notebook": "pipelines",
    "azureml.contrib.functions": "deployment",
    "azureml.contrib": "internals",
    "azureml.core.compute.aks": "deployment",
    "azureml.core.compute.databricks": "remote",
    "azureml.core.compute.kubernetescompute": "remote",
    "azureml.core.linked_service": "spark",
    "azureml.core.private_endpoint": "cloud",
    "azureml.data.sql_data_reference": "pipelines",
    "azureml.data.datacache": "cache",
    "azureml.data.datacache_store": "cache",
    "azureml.data.dataset_snapshot": "definitions",
    "azureml.data.dataset_definition": "definitions",
    "azureml.dataprep": "internals",
    "azureml.studio": "pipelines",
    "azureml._restclient": "internals",
    "azureml._base_sdk_common": "internals",
    "azureml._common": "internals",
    "azureml._execution": "internals",
    "azureml._run_impl": "internals",
    "azureml._model_management": "internals",
    "azureml._project": "internals",
    "azureml._file_utils": "internals",
    "azureml._logging": "internals",
    "azureml._async": "internals",
    "azureml._vendor": "internals",
}

#: Names in modules that exist.
NAMES = {
    "azureml.core": {
        "deployment": "Image Webservice",
        "spark": "LinkedService SynapseWorkspaceLinkedServiceConfiguration",
        "cloud": "PrivateEndPoint PrivateEndPointConfig",
        "remote": "attach_legacy_compute_target is_compute_target_prepared prepare_compute_target remove_legacy_compute_target",
    },
    "azureml.core.compute": {
        "remote": "AdlaCompute BatchCompute DataFactoryCompute DatabricksCompute DsvmCompute HDInsightCompute KubernetesCompute KustoCompute",
        "deployment": "AksCompute",
        "spark": "SynapseCompute",
    },
    "azureml.core.experiment": {"internals": "ChainedIdentity HasExperimentPortal WorkspaceClient"},
    "azureml.core.run": {"internals": "LinkOutput RunTypeV2"},
    "azureml.core.script_run": {"internals": "AzureMLError InvalidStatus InvalidUri"},
    "azureml.core.authentication": {"internals": "ArmTokenAuthentication AzureMLTokenAuthentication Daemon LoggedLock NewLoggingLevel ServiceContext"},
    "azureml.core.keyvault": {"internals": "SecretsClient"},
    "azureml.core.environment": {"internals": "EnvironmentClient"},
    "azureml.core.script_run_config": {"cache": "DatacacheConfiguration DatacacheConsumptionConfig"},
    "azureml.core.model": {
        "deployment": "InferenceConfig ModelPackage ModelProfile",
        "definitions": "DatasetSnapshot",
        "internals": "ArtifactsClient AssetsClient ModelsClient",
    },
    "azureml.data": {"cache": "DatacacheStore", "spark": "HDFSOutputDatasetConfig LinkFileOutputDatasetConfig LinkTabularOutputDatasetConfig"},
    "azureml.data.azure_storage_datastore": {
        "internals": "AsyncTask BlobServiceClient FileProperties ShareClient ShareDirectoryClient ShareFileClient TaskQueue"
    },
    "azureml.data.output_dataset_config": {"spark": "HDFSOutputDatasetConfig LinkFileOutputDatasetConfig LinkTabularOutputDatasetConfig"},
    "azureml.datadrift": {"drift": "Metric MetricType"},
    "azureml.widgets": {"pipelines": "ParallelRunStepDetails"},
}

#: Members of classes that exist, by the class's name.
MEMBERS = {
    "Workspace": {
        "deployment": "images",
        "cloud": (
            "add_private_endpoint delete_private_endpoint_connection private_endpoints diagnose_workspace list_keys sync_keys"
            " update_dependencies delete_connection get_connection list_connections set_connection"
        ),
        "spark": "linked_services",
        "internals": "service_context setup",
    },
    "Model": {"deployment": "deploy package print_configuration profile get_sas_urls"},
    "Run": {
        "pipelines": "find_step_run get_pipeline_output get_steps publish_pipeline get_output get_output_data get_outputs get_job_log",
        "hyperdrive": "get_best_run_by_primary_metric get_children_sorted_by_primary_metric",
        "automl": "get_best_child model_id",
        "internals": "_get_outputs_datapath",
    },
    "Environment": {"docker": "build_local get_image_details add_private_pip_wheel"},
    "Dataset": {
        "definitions": (
            "archive auto_read_files compare_profiles create_snapshot definition definition_version delete_snapshot deprecate description diff"
            " from_delimited_files from_excel_files from_json_files from_pandas_dataframe generate_profile get_all_snapshots get_definition"
            " get_definitions get_profile get_snapshot head id is_visible name reactivate register sample state tags to_pandas_dataframe"
            " to_spark_dataframe update update_definition workspace"
        )
    },
    "DataDriftDetector": {"drift": "create_from_model delete disable_schedule enable_schedule get_by_name get_output list run show update"},
    "AmlCompute": {"cloud": "add_identity remove_identity list_quotas list_usages update_quotas"},
    "ComputeInstance": {"cloud": "update_sso_settings"},
}
