use serde_json::{Value, json};

use super::wire::Reply;

/// What a client asks before it chooses among several ways: large files may come in parts.
pub async fn get() -> Reply<Value> {
    Reply(json!({
        "store_type": null,
        "workspaces_enabled": false,
        "trace_archival_enabled": false,
        "multipart_uploads_enabled": true,
        "multipart_downloads_enabled": false,
        "presigned_upload_run_id_supported": false,
        "presigned_upload_model_id_supported": false,
        "features_enabled": {"gateway": false},
    }))
}
