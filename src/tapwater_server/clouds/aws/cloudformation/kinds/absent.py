"""Types that many templates have and that are not to be had here, each with the reason. Pure."""

from collections.abc import Mapping

# By how a type begins; the longest beginning counts.
ABSENT: Mapping[str, str] = {
    "AWS::ApiGateway::BasePathMapping": "APIs answer at their own addresses only",
    "AWS::ApiGateway::ClientCertificate": "nothing is called that would ask for a certificate",
    "AWS::ApiGateway::DomainName": "APIs answer at their own addresses only",
    "AWS::ApiGateway::VpcLink": "there are no private networks",
    "AWS::ApiGatewayV2::ApiMapping": "APIs answer at their own addresses only",
    "AWS::ApiGatewayV2::DomainName": "APIs answer at their own addresses only",
    "AWS::ApiGatewayV2::VpcLink": "there are no private networks",
    "AWS::CertificateManager::": "there are no certificates",
    "AWS::CloudFormation::WaitCondition": "use a custom resource",
    "AWS::CloudFront::": "there is no CloudFront",
    "AWS::CloudWatch::": "there are no alarms and no dashboards of CloudWatch",
    "AWS::Cognito::": "there is no Cognito",
    "AWS::DynamoDB::": "there is no DynamoDB",
    "AWS::EC2::": "there are no machines and no private networks",
    "AWS::ECR::": "of registries there are only names of repositories, without images",
    "AWS::IAM::Group": "there are no groups: attach policies to users",
    "AWS::IAM::InstanceProfile": "there are no machines that could have one",
    "AWS::KMS::": "there is no KMS",
    "AWS::Kinesis": "there is no Kinesis",
    "AWS::Logs::SubscriptionFilter": "logs are sent nowhere",
    "AWS::Logs::MetricFilter": "there are no metrics of CloudWatch",
    "AWS::Pipes::": "there are no pipes: use an event source mapping",
    "AWS::RDS::": "there are no databases of RDS",
    "AWS::Route53::": "there is no DNS",
    "AWS::SecretsManager::": "of Secrets Manager there are only secrets",
    "AWS::StepFunctions::": "there is no Step Functions",
    "AWS::WAF": "there is no WAF",
}


def why_absent(type: str) -> str:
    """Say why a type is not to be had; "": nothing is known of it.

    >>> why_absent("AWS::DynamoDB::Table")
    'there is no DynamoDB'
    """
    known = [start for start in ABSENT if type.startswith(start)]
    return ABSENT[max(known, key=len)] if known else ""
