"""The promises of Crusoe, each as a test that fails when it is broken."""
