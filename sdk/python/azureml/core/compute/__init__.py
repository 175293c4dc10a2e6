"""Compute targets: named clusters of job slots on this machine, the machine itself, and others by SSH."""

from azureml.core.compute.amlcompute import AmlCompute
from azureml.core.compute.compute import ComputeTarget
from azureml.core.compute.computeinstance import ComputeInstance
from azureml.core.compute.remote import RemoteCompute
from azureml.exceptions import ComputeTargetException
from lazuli.later import module_names

__all__ = ["AmlCompute", "ComputeInstance", "ComputeTarget", "ComputeTargetException", "RemoteCompute"]

__getattr__ = module_names(__name__)
